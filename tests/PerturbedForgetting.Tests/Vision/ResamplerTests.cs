using PerturbedForgetting.Tensors.Random;
using PerturbedForgetting.Vision.Imaging;
using PerturbedForgetting.Vision.Transforms;

namespace PerturbedForgetting.Tests.Vision;

public class ResamplerTests
{
    readonly Resampler resampler = new();

    [OneTimeTearDown]
    public void Release() => resampler.Dispose();

    /// <summary>A window of a resized box equals the same part of the whole resize, for awkward sizes.</summary>
    [Test]
    public void WindowEqualsPartOfTheWhole([Values] Interpolation filter)
    {
        var random = new Random(3);
        for (int trial = 0; trial < 60; trial++)
        {
            using RgbImage image = Noise(random.Next(1, 40), random.Next(1, 40), random);
            int boxHeight = random.Next(1, image.Height + 1), boxWidth = random.Next(1, image.Width + 1);
            var box = new CropBox(random.Next(image.Height - boxHeight + 1), random.Next(image.Width - boxWidth + 1), boxHeight, boxWidth);
            int height = trial % 4 == 0 ? boxHeight : random.Next(1, 50), width = trial % 3 == 0 ? boxWidth : random.Next(1, 50);
            int partHeight = random.Next(1, height + 1), partWidth = random.Next(1, width + 1);
            var window = new CropBox(random.Next(height - partHeight + 1), random.Next(width - partWidth + 1), partHeight, partWidth);
            byte[] whole = new byte[height * width * 3], part = new byte[partHeight * partWidth * 3];
            resampler.Resize(image, box, height, width, filter, whole);
            resampler.Resize(image, box, height, width, filter, window, part);
            for (int y = 0; y < partHeight; y++)
                Assert.That(part.AsSpan(y * partWidth * 3, partWidth * 3)
                    .SequenceEqual(whole.AsSpan(((window.Top + y) * width + window.Left) * 3, partWidth * 3)), $"{trial}, row {y}");
        }
    }

    /// <summary>Against the textbook: the same weights in double, nothing rounded between: apart by a
    /// half for the last rounding and a half times the sum of the weights' magnitudes for the first.</summary>
    [Test]
    public void EqualsTheFormulaInDouble([Values] Interpolation filter)
    {
        var random = new Random(4);
        for (int trial = 0; trial < 30; trial++)
        {
            using RgbImage image = Noise(random.Next(1, 60), random.Next(1, 60), random);
            int height = random.Next(1, 70), width = random.Next(1, 70);
            var actual = new byte[height * width * 3];
            resampler.Resize(image, new CropBox(0, 0, image.Height, image.Width), height, width, filter, actual);
            double[] rows = Pass(Array.ConvertAll(image.Pixels.ToArray(), b => (double)b), image.Height, image.Width, width, filter,
                alongRows: true);
            double[] expected = Pass(rows, image.Height, width, height, filter, alongRows: false);
            for (int i = 0; i < actual.Length; i++)
                Assert.That(actual[i], Is.EqualTo(expected[i]).Within(filter == Interpolation.Bilinear ? 1.001 : 1.2),
                    $"trial {trial}, sample {i}");
        }
    }

    /// <summary>Several rows are resized at once, in groups of pixels where the processor can, a row alone in the plainest way: to the
    /// same bytes. With one to eleven pixels, others than fill groups, and around the largest shrinking that groups can do.</summary>
    [Test]
    public void RowsTogetherEqualRowsAlone([Values] Interpolation filter)
    {
        var random = new Random(5);
        (int From, int To)[] widths = [.. Enumerable.Range(1, 11).Select(to => (random.Next(1, 60), to)),
            (17, 16), (500, 224), (333, 224), (90, 224), (1075, 224), (1076, 224), (1080, 224), (1100, 224),
            (23, 5), (24, 5), (25, 5), (26, 5)];
        foreach ((int from, int to) in widths)
        {
            int height = random.Next(2, 8);
            using RgbImage image = Noise(from, height, random);
            // Extremes beside each other, where sums overshoot most.
            for (int i = 0; i < image.Pixels.Length / 2; i++)
                image.Pixels[i] = image.Pixels[i] > 127 ? (byte)255 : (byte)0;
            var together = new byte[height * to * 3];
            resampler.Resize(image, new CropBox(0, 0, height, from), height, to, filter, together);
            for (int y = 0; y < height; y++)
            {
                var alone = new byte[to * 3];
                resampler.Resize(image, new CropBox(y, 0, 1, from), 1, to, filter, alone);
                Assert.That(together.AsSpan(y * to * 3, to * 3).SequenceEqual(alone), $"{from} to {to} pixels, row {y} of {height}");
            }
        }
    }

    [Test]
    public void AConstantImageStaysConstant([Values] Interpolation filter, [Values(1, 7, 224)] int size,
        [Values((byte)0, (byte)1, (byte)254, (byte)255)] byte value)
    {
        using var image = TestImages.OfSize(33, 17);
        image.Pixels.Fill(value);
        var result = new byte[size * size * 3];
        resampler.Resize(image, new CropBox(0, 0, 17, 33), size, size, filter, result);
        Assert.That(result, Is.All.EqualTo(value));
    }

    [Test]
    public void PaddedCropMovesByAtMostThePadding()
    {
        var transform = new PaddedCrop(9, 7, padding: 2, flip: 0);
        using var image = TestImages.OfSize(7, 9);
        var seen = new HashSet<(int, int)>();
        for (ulong i = 0; i < 400; i++)
        {
            for (int p = 0; p < image.Pixels.Length; p++)
                image.Pixels[p] = (byte)(p / 3 + 1);
            var random = new RandomSequence(1, i);
            var result = new byte[transform.OutputBytes];
            transform.ApplyTo(image, resampler, random, result);
            int middle = result[(4 * 7 + 3) * 3] - 1;
            (int top, int left) = (middle / 7 - 4, middle % 7 - 3);
            seen.Add((top, left));
            for (int y = 0; y < 9; y++)
            {
                for (int x = 0; x < 7; x++)
                {
                    bool inside = y + top is >= 0 and < 9 && x + left is >= 0 and < 7;
                    Assert.That(result[(y * 7 + x) * 3], Is.EqualTo(inside ? (y + top) * 7 + x + left + 1 : 0));
                }
            }
        }
        Assert.That(seen, Has.Count.EqualTo(25));
    }

    [Test]
    public void PaddingLargerThanTheImageLeavesZeros()
    {
        var transform = new PaddedCrop(2, 2, padding: 9, flip: 1);
        using var image = TestImages.OfSize(2, 2);
        for (ulong i = 0; i < 50; i++)
        {
            var random = new RandomSequence(2, i);
            Assert.DoesNotThrow(() => transform.ApplyTo(image, resampler, random, new byte[12]));
        }
    }

    /// <summary>Boxes lie within the image, areas and aspect ratios spread over their ranges, flips are as frequent as asked.</summary>
    [Test]
    public void RandomCropsAreWhatWasAsked()
    {
        var transform = new RandomResizedCrop(8, 8, (0.25, 0.5), (0.5, 2));
        double lowest = 1, highest = 0;
        for (ulong i = 0; i < 2000; i++)
        {
            var random = new RandomSequence(5, i);
            CropBox box = transform.Draw(200, 100, ref random).Box;
            Assert.That(box.Top >= 0 && box.Left >= 0 && box.Top + box.Height <= 100 && box.Left + box.Width <= 200);
            double share = box.Height * box.Width / 20000.0;
            (lowest, highest) = (Math.Min(lowest, share), Math.Max(highest, share));
        }
        Assert.That(lowest, Is.EqualTo(0.25).Within(0.01));
        Assert.That(highest, Is.EqualTo(0.5).Within(0.01));
    }

    [Test]
    public void RandomCropOfATinyImageWorks([Values(1, 2, 3)] int width, [Values(1, 5)] int height)
    {
        var transform = new RandomResizedCrop(4, 4, (0.01, 1));
        using var image = TestImages.OfSize(width, height);
        for (ulong i = 0; i < 200; i++)
        {
            var random = new RandomSequence(6, i);
            Assert.DoesNotThrow(() => transform.ApplyTo(image, resampler, random, new byte[48]));
        }
    }

    [Test]
    public void WrongSettingsAreNamed()
    {
        Assert.That(() => new RandomResizedCrop(8, 8, (0, 1)), Throws.ArgumentException.With.Message.Contains("`scale`"));
        Assert.That(() => new RandomResizedCrop(8, 8, flip: double.NaN), Throws.ArgumentException.With.Message.Contains("`flip`"));
        Assert.That(() => new EvalTransform(8, 8, 1.5), Throws.InstanceOf<ArgumentException>().With.Message.Contains("`cropShare`"));
        Assert.That(() => new EvalTransform(0, 8), Throws.InstanceOf<ArgumentException>());
    }

    static RgbImage Noise(int width, int height, Random random)
    {
        var image = TestImages.OfSize(width, height);
        random.NextBytes(image.Pixels);
        return image;
    }

    static double[] Pass(double[] source, int height, int width, int size, Interpolation filter, bool alongRows)
    {
        int input = alongRows ? width : height, outHeight = alongRows ? height : size, outWidth = alongRows ? size : width;
        if (input == size)
            return source;
        var result = new double[outHeight * outWidth * 3];
        double scale = (double)input / size, widening = Math.Max(scale, 1), radius = (filter == Interpolation.Bilinear ? 1 : 2) * widening;
        for (int i = 0; i < result.Length; i++)
        {
            int x = i / 3 % outWidth, y = i / 3 / outWidth;
            double center = ((alongRows ? x : y) + 0.5) * scale, sum = 0, total = 0;
            for (int j = Math.Max(0, (int)(center - radius + 0.5)); j < Math.Min(input, (int)(center + radius + 0.5)); j++)
            {
                double weight = Weight((j - center + 0.5) / widening, filter);
                total += weight;
                sum += weight * source[((alongRows ? y : j) * width + (alongRows ? j : x)) * 3 + i % 3];
            }
            result[i] = Math.Clamp(sum / total, 0, 255);
        }
        return result;
    }

    static double Weight(double t, Interpolation filter)
    {
        t = Math.Abs(t);
        if (filter == Interpolation.Bilinear)
            return Math.Max(0, 1 - t);
        return t < 1 ? 1.5 * t * t * t - 2.5 * t * t + 1 : t < 2 ? -0.5 * t * t * t + 2.5 * t * t - 4 * t + 2 : 0;
    }
}
