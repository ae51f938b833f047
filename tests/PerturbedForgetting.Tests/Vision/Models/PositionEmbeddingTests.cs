using PerturbedForgetting.Tests.Reference;
using PerturbedForgetting.Vision.Models;
using PerturbedForgetting.Vision.Transforms;

namespace PerturbedForgetting.Tests.Vision.Models;

[TestFixture]
sealed class PositionEmbeddingTests
{
    static IEnumerable<TestCaseData> Resizes => TransformCases.Of("resize");

    /// <summary>The reference's resized images, within what its rounding to bytes between the directions and at the end allows.</summary>
    [TestCaseSource(nameof(Resizes))]
    public void ResizesAsImagesAreResized(object argument)
    {
        var c = (ReferenceCase)argument;
        string file = Directory.GetFiles(ReferenceData.PathOf("images"), c.Json.GetProperty("image").GetString() + "_*.png").Single();
        using var image = TestImages.Decode(file);
        var filter = c.Json.GetProperty("interpolation").GetString() == "bicubic" ? Interpolation.Bicubic : Interpolation.Bilinear;
        var grid = new double[image.Height * image.Width * 3];
        for (int y = 0; y < image.Height; y++)
            for (int x = 0; x < image.Width * 3; x++)
                grid[(y * image.Width * 3) + x] = image.Buffer[(y * image.Stride) + x];
        double[] result = PositionEmbedding.Resize(grid, (image.Height, image.Width),
            (c.Json.GetProperty("out_height").GetInt32(), c.Json.GetProperty("out_width").GetInt32()), filter);
        byte[] expected = TransformCases.Expected(c)!;
        Assert.That(result, Has.Length.EqualTo(expected.Length));
        int far = 0;
        for (int i = 0; i < expected.Length; i++)
            if (Math.Abs(Math.Clamp(result[i], 0, 255) - expected[i]) > 1.25)
                far++;
        // Bytes cannot keep the overshoot of the cubic filter's first direction.
        Assert.That(far, Is.LessThanOrEqualTo(filter == Interpolation.Bicubic ? expected.Length / 100 : 0));
    }

    [TestCase(7, 8)]
    [TestCase(14, 7)]
    public void AConstantStaysAndTheMiddleOfARampToo(int from, int to)
    {
        var grid = new double[from * from * 2];
        for (int y = 0; y < from; y++)
        {
            for (int x = 0; x < from; x++)
            {
                grid[((y * from) + x) * 2] = 3;
                grid[(((y * from) + x) * 2) + 1] = (x + 0.5) / from;
            }
        }
        double[] result = PositionEmbedding.Resize(grid, (from, from), (to, to), Interpolation.Bicubic);
        for (int y = 0; y < to; y++)
        {
            for (int x = 2; x < to - 2; x++)
            {
                Assert.That(result[((y * to) + x) * 2], Is.EqualTo(3).Within(1e-5));
                Assert.That(result[(((y * to) + x) * 2) + 1], Is.EqualTo((x + 0.5) / to).Within(1e-5));
            }
        }
    }
}
