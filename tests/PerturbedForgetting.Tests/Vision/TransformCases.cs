using PerturbedForgetting.Tensors.Random;
using PerturbedForgetting.Tests.Reference;
using PerturbedForgetting.Vision.Imaging;
using PerturbedForgetting.Vision.Transforms;

namespace PerturbedForgetting.Tests.Vision;

/// <summary>The reference cases of images and transforms, and their tensors.</summary>
static class TransformCases
{
    public static IEnumerable<TestCaseData> Of(string op) =>
        ReferenceData.Cases("transforms", op).Select(c => new TestCaseData(c).SetArgDisplayNames(c.Id));

    public static byte[] Bytes(string name) => ReferenceData.Bytes("transforms.safetensors", name).Data;

    /// <summary>The stored bytes of a case, or null where only a hash is stored.</summary>
    public static byte[]? Expected(ReferenceCase c) =>
        c.Json.TryGetProperty("tensor", out var tensor) && tensor.GetString() is { } name ? Bytes(name) : null;

    /// <summary>The transform of a whole image, mirrored too where that is drawn.</summary>
    public static Crop ApplyTo(this ImageTransform transform, RgbImage image, Resampler resampler, RandomSequence random, Span<byte> target)
    {
        Crop crop = transform.Draw(image.Width, image.Height, ref random);
        transform.Apply(crop, image, resampler, target);
        if (crop.Flip)
            ImageTransform.FlipHorizontally(target, transform.Width);
        return crop;
    }

    /// <summary>The whole of a resized box.</summary>
    public static void Resize(
        this Resampler resampler, RgbImage image, CropBox box, int height, int width, Interpolation filter, Span<byte> target) =>
        resampler.Resize(image, box, height, width, filter, new CropBox(0, 0, height, width), target);

    /// <summary>H x W x 3 to 3 x H x W.</summary>
    public static byte[] ToPlanar(ReadOnlySpan<byte> interleaved)
    {
        var planar = new byte[interleaved.Length];
        int pixels = interleaved.Length / 3;
        for (int i = 0; i < interleaved.Length; i++)
            planar[i % 3 * pixels + i / 3] = interleaved[i];
        return planar;
    }
}
