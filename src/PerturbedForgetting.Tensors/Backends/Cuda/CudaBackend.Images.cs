namespace PerturbedForgetting.Tensors.Backends.Cuda;

sealed partial class CudaBackend
{
    Kernels.NormalizeImages Normalization => field ??= new(library);

    public override void NormalizeImages(Tensor x, Tensor? flip, Tensor offset, Tensor divisor, Tensor y)
    {
        if (y.Count == 0)
            return;
        // Without flags only rows matter, so that fewer dimensions do.
        int channels = x.Shape[-1], width = x.Shape.Rank > 1 ? x.Shape[-2] : 1, height = x.Shape.Rank > 2 ? x.Shape[-3] : 1;
        Normalization.Launch(stream, Dense(y), Pointer(x), PointerOrNull(flip), Dense(offset), Dense(divisor),
            checked((int)(x.Count / ((long)width * height * channels))), height, width, channels, toBfloat16: false);
    }
}
