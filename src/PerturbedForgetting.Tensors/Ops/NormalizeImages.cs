using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Tensors;

public static partial class Ops
{
    /// <summary>Bytes of images to network input: (x - 255 mean) / (255 std) in float32, the two products rounded to float32 first, as the
    /// reference does. Has no gradient.</summary>
    /// <param name="images">Uint8, channels last: [B, H, W, C].</param>
    /// <param name="mean">Of each channel, in units of full brightness.</param>
    /// <param name="std">Of each channel, not 0.</param>
    /// <param name="flip">Uint8 [B]: not 0 where an image [H, W, C] is mirrored left to right on the way; or none.</param>
    /// <returns>Float32 of the same shape.</returns>
    /// <exception cref="ArgumentException">The images are not bytes, mean and std do not have a number a channel, or there is not one flag
    /// an image.</exception>
    public static Tensor NormalizeImages(Tensor images, ReadOnlySpan<double> mean, ReadOnlySpan<double> std, Tensor? flip = null)
    {
        using var range = Ranges.Operation(nameof(NormalizeImages));
        if (images.DType != DType.UInt8 || images.Shape.Rank == 0)
            throw new ArgumentException($"NormalizeImages needs UInt8 images [..., channels], not {images}.");
        if (flip is not null && (flip.DType != DType.UInt8 || images.Shape.Rank != 4 || flip.Shape != [images.Shape[0]]))
            throw new ArgumentException($"NormalizeImages mirrors images [B, H, W, C] by UInt8 flags [B], not {images} by {flip}.");
        var (offset, divisor) = Normalization(images.Shape, mean, std);
        var y = Tensor.Empty(images.Shape, DType.Float32, images.Device);
        Tensor offsets = Tensor.From(offset, [offset.Length], images.Device),
            divisors = Tensor.From(divisor, [divisor.Length], images.Device);
        images.Backend.NormalizeImages(images, flip, offsets, divisors, y);
        return y;
    }

    /// <summary>Mean and standard deviation in units of bytes, rounded to float32.</summary>
    /// <exception cref="ArgumentException">They do not have a number a channel, or a deviation is 0.</exception>
    internal static (float[] Offset, float[] Divisor) Normalization(Shape images, ReadOnlySpan<double> mean, ReadOnlySpan<double> std)
    {
        int channels = images[-1];
        if (mean.Length != channels || std.Length != channels || std.Contains(0))
            throw new ArgumentException($"Images {images} need a mean and a std (not 0) for each of their {channels} channels; there are "
                + $"{mean.Length} means and {std.Length} stds.");
        var (offset, divisor) = (new float[channels], new float[channels]);
        for (int c = 0; c < channels; c++)
            (offset[c], divisor[c]) = ((float)(255 * mean[c]), (float)(255 * std[c]));
        return (offset, divisor);
    }
}
