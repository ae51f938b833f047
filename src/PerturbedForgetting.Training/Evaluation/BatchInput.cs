using PerturbedForgetting.Tensors;
using PerturbedForgetting.Vision.Loading;
using PerturbedForgetting.Vision.Transforms;

namespace PerturbedForgetting.Training.Evaluation;

/// <summary>Brings batches to the device: bytes are uploaded as they are and normalised there.</summary>
/// <param name="normalization">Mean and standard deviation.</param>
/// <param name="device">Where the batches go.</param>
sealed class BatchInput(Normalization normalization, Device device) : IDisposable
{
    readonly double[] mean = [.. normalization.Mean], std = [.. normalization.Std];
    Tensor? pixels, labels;

    /// <summary>Normalised images [B,H,W,3] in the open scope, and labels [B] that are valid until the next batch.</summary>
    public (Tensor Images, Tensor Labels) Upload(ImageBatch batch)
    {
        if (pixels is null || pixels.Shape[0] < batch.Count)
        {
            Dispose();
            pixels = Tensor.Persistent([batch.Count, batch.Height, batch.Width, 3], DType.UInt8, device);
            labels = Tensor.Persistent([batch.Count], DType.Int32, device);
        }
        var bytes = pixels.Rows(0, batch.Count).CopyFrom<byte>(batch.Pixels);
        var numbers = labels!.Rows(0, batch.Count).CopyFrom(batch.Labels);
        return (Ops.NormalizeImages(bytes, mean, std), numbers);
    }

    /// <summary>Frees the buffers.</summary>
    public void Dispose()
    {
        pixels?.Dispose();
        labels?.Dispose();
    }
}
