namespace PerturbedForgetting.Tensors;

public static partial class Ops
{
    /// <summary>Bytes of images to network input: (x - 255 mean) / (255 std) in float32, the two products rounded to float32 first, as the reference does. Has no gradient.</summary>
    /// <param name="images">Uint8, channels last: [B, H, W, C].</param>
    /// <param name="mean">Of each channel, in units of full brightness.</param>
    /// <param name="std">Of each channel, not 0.</param>
    /// <returns>Float32 of the same shape.</returns>
    /// <exception cref="ArgumentException">The images are not bytes, or mean and std do not have a number a channel.</exception>
    public static Tensor NormalizeImages(Tensor images, ReadOnlySpan<double> mean, ReadOnlySpan<double> std)
    {
        if (images.DType != DType.UInt8 || images.Shape.Rank == 0 || mean.Length != images.Shape[-1] || std.Length != images.Shape[-1] || std.Contains(0))
            throw new ArgumentException($"NormalizeImages needs UInt8 images [..., channels] and a mean and a std (not 0) for each channel; {images} has {mean.Length} means and {std.Length} stds.");
        Span<float> offset = stackalloc float[mean.Length], divisor = stackalloc float[mean.Length];
        for (int c = 0; c < mean.Length; c++)
            (offset[c], divisor[c]) = ((float)(255 * mean[c]), (float)(255 * std[c]));
        var y = Tensor.Empty(images.Shape, DType.Float32, images.Device);
        images.Device.Backend.NormalizeImages(images, offset, divisor, y);
        return y;
    }
}
