using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

sealed partial class CudaBackend
{
    DeviceBuffer<float>? imageConstants;
    float[] uploadedConstants = [];

    Kernels.NormalizeImages Normalization => field ??= new(library);

    public override void NormalizeImages(Tensor x, ReadOnlySpan<float> offset, ReadOnlySpan<float> divisor, Tensor y)
    {
        if (y.Count == 0)
            return;
        int channels = offset.Length;
        DevicePointer constants = ImageConstants([.. offset, .. divisor]);
        // A pixel stands for an image of its own row where there are fewer dimensions: without flipping only rows matter.
        int width = x.Shape.Rank > 1 ? x.Shape[-2] : 1, height = x.Shape.Rank > 2 ? x.Shape[-3] : 1;
        Normalization.Launch(stream, Dense(y), Pointer(x), DevicePointer.Null, constants, constants + (sizeof(float) * channels),
            checked((int)(x.Count / ((long)width * height * channels))), height, width, channels, toBfloat16: false);
    }

    // The same for every batch of a run, so they are sent once.
    DevicePointer ImageConstants(float[] constants)
    {
        if (imageConstants is null || !constants.AsSpan().SequenceEqual(uploadedConstants))
        {
            stream.Synchronize();
            imageConstants?.Dispose();
            imageConstants = workplace.Context.Allocate<float>(constants);
            uploadedConstants = constants;
        }
        return imageConstants.Pointer;
    }
}
