using System.Security.Cryptography;
using System.Text.Json;
using PerturbedForgetting.Tests.Reference;
using PerturbedForgetting.Vision.Imaging;
using PerturbedForgetting.Vision.Transforms;

namespace PerturbedForgetting.Tests.Vision;

/// <summary>Resizing, cropping and normalising equal Pillow and the reference bit for bit.</summary>
public class TransformReferenceTests
{
    static readonly Resampler Resampler = new();

    static IEnumerable<TestCaseData> Resizes => TransformCases.Of("resize");

    static IEnumerable<TestCaseData> Crops => TransformCases.Of("resized_crop");

    static IEnumerable<TestCaseData> Evaluations => TransformCases.Of("eval_transform");

    static IEnumerable<TestCaseData> Flips => TransformCases.Of("horizontal_flip");

    [TestCaseSource(nameof(Resizes))]
    public void Resize(object argument)
    {
        var reference = (ReferenceCase)argument;
        JsonElement json = reference.Json;
        string file = Directory.GetFiles(ReferenceData.PathOf("images"), json.GetProperty("image").GetString() + "_*.png").Single();
        using RgbImage image = TestImages.Decode(file);
        (int width, int height) = (json.GetProperty("out_width").GetInt32(), json.GetProperty("out_height").GetInt32());
        var result = new byte[width * height * 3];
        Resampler.Resize(image, new CropBox(0, 0, image.Height, image.Width), height, width, Filter(json), result);
        Assert.That(result.AsSpan().SequenceEqual(TransformCases.Expected(reference)));
    }

    [TestCaseSource(nameof(Crops))]
    public void ResizedCrop(object argument)
    {
        var reference = (ReferenceCase)argument;
        JsonElement json = reference.Json;
        int size = json.GetProperty("size").GetInt32();
        using RgbImage image = TestImages.Decode(ReferenceData.PathOf(json.GetProperty("source").GetString()!));
        int[] box = [.. json.GetProperty("box_ijhw").EnumerateArray().Select(e => e.GetInt32())];
        var result = new byte[size * size * 3];
        Resampler.Resize(image, new CropBox(box[0], box[1], box[2], box[3]), size, size, Filter(json), result);
        CheckPlanar(reference, result);
    }

    [TestCaseSource(nameof(Evaluations))]
    public void Evaluation(object argument)
    {
        var reference = (ReferenceCase)argument;
        JsonElement json = reference.Json, size = json.GetProperty("size_hw");
        using RgbImage image = TestImages.Decode(ReferenceData.PathOf(json.GetProperty("source").GetString()!));
        var transform = new EvalTransform(size[0].GetInt32(), size[1].GetInt32(), json.GetProperty("crop_pct").GetDouble(), Filter(json));
        var result = new byte[transform.OutputBytes];
        transform.ApplyTo(image, Resampler, default, result);
        CheckPlanar(reference, result);
    }

    [TestCaseSource(nameof(Flips))]
    public void Flip(object argument)
    {
        var reference = (ReferenceCase)argument;
        byte[] source = ToInterleaved(TransformCases.Bytes(reference.Json.GetProperty("of").GetString()!));
        ImageTransform.FlipHorizontally(source, 32);
        Assert.That(TransformCases.ToPlanar(source), Is.EqualTo(TransformCases.Expected(reference)));
    }

    /// <summary>Rows of any length, also such as have no middle pixel, and none for a whole vector.</summary>
    [Test]
    public void PixelsChangeSides([Range(1, 40)] int width)
    {
        byte[] pixels = new byte[width * 3 * 3];
        new Random(width).NextBytes(pixels);
        byte[] mirrored = [.. pixels];
        ImageTransform.FlipHorizontally(mirrored, width);
        byte[] expected = [.. pixels.Chunk(width * 3).SelectMany(row => row.Chunk(3).Reverse().SelectMany(pixel => pixel))];
        Assert.That(mirrored, Is.EqualTo(expected));
    }

    [Test]
    public void RandomCropBoxes()
    {
        JsonElement rows = ReferenceData.Json("random_crop_boxes.json").GetProperty("rows");
        Assert.That(rows.GetArrayLength(), Is.EqualTo(228));
        foreach (JsonElement row in rows.EnumerateArray())
        {
            (int width, int height) = (row.GetProperty("wh")[0].GetInt32(), row.GetProperty("wh")[1].GetInt32());
            double[] scale = Numbers(row, "scale"), ratio = Numbers(row, "ratio");
            var transform = new RandomResizedCrop(8, 8, (scale[0], scale[1]), (ratio[0], ratio[1]));
            int[] box = [.. row.GetProperty("box_ijhw").EnumerateArray().Select(e => e.GetInt32())];
            (int Height, int Width)? found = null;
            int attempts = 0, all = row.GetProperty("area_and_logratio_draws").GetArrayLength();
            foreach (JsonElement draw in row.GetProperty("area_and_logratio_draws").EnumerateArray())
            {
                Assert.That(found, Is.Null, "an earlier attempt was accepted");
                found = RandomResizedCrop.TryBox(width, height, draw[0].GetDouble(), draw[1].GetDouble());
                attempts++;
            }
            if (row.GetProperty("fallback").GetBoolean())
            {
                Assert.That((found, attempts), Is.EqualTo(((ValueTuple<int, int>?)null, 10)));
                Assert.That(transform.Fallback(width, height), Is.EqualTo(new CropBox(box[0], box[1], box[2], box[3])));
            }
            else
            {
                Assert.That((found, attempts), Is.EqualTo(((ValueTuple<int, int>?)(box[2], box[3]), all)));
            }
        }
    }

    static void CheckPlanar(ReferenceCase reference, byte[] interleaved)
    {
        byte[] planar = TransformCases.ToPlanar(interleaved);
        if (TransformCases.Expected(reference) is { } expected)
            Assert.That(planar.AsSpan().SequenceEqual(expected));
        Assert.That(Convert.ToHexStringLower(SHA256.HashData(planar)), Is.EqualTo(reference.Json.GetProperty("sha256").GetString()));
    }

    static byte[] ToInterleaved(byte[] planar)
    {
        var interleaved = new byte[planar.Length];
        int pixels = planar.Length / 3;
        for (int i = 0; i < planar.Length; i++)
            interleaved[i] = planar[i % 3 * pixels + i / 3];
        return interleaved;
    }

    static double[] Numbers(JsonElement json, string key) => [.. json.GetProperty(key).EnumerateArray().Select(e => e.GetDouble())];

    static Interpolation Filter(JsonElement json) =>
        Enum.Parse<Interpolation>(json.GetProperty("interpolation").GetString()!, ignoreCase: true);
}
