using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Tests.Vision;

public class ShapesDatasetTests
{
    static byte[] Pixels(Dataset set, int index)
    {
        using var image = new RgbImage();
        using var decoder = new ImageDecoder();
        set.Read(index, image, decoder);
        return image.Pixels.ToArray();
    }

    [Test]
    public void ImagesDependOnSeedSplitAndIndexOnly()
    {
        Dataset a = DatasetFactory.Open("builtin/shapes", null, "train"), b = DatasetFactory.Open("builtin/shapes:train=10", null, "train");
        Dataset seed = DatasetFactory.Open("builtin/shapes:seed=7", null, "train"),
            validation = DatasetFactory.Open("builtin/shapes", null, "validation");
        Assert.That(Pixels(a, 3), Is.EqualTo(Pixels(b, 3)));
        Assert.That(Pixels(a, 3), Is.Not.EqualTo(Pixels(seed, 3)));
        Assert.That(Pixels(a, 3), Is.Not.EqualTo(Pixels(validation, 3)));
        Assert.That(Pixels(a, 3), Is.Not.EqualTo(Pixels(a, 13)));
        Assert.That((a.Count, validation.Count, a.Classes.Count), Is.EqualTo((5000, 1000, 10)));
    }

    [TestCase(0.9)]
    [TestCase(0)]
    [TestCase(1)]
    public void BackgroundsAgreeInTheChosenShareOfTraining(double share)
    {
        var set = (ShapesDataset)DatasetFactory.Open(FormattableString.Invariant($"builtin/shapes:share={share}"), null, "train");
        double agreeing = Enumerable.Range(0, set.Count).Count(i => set.Background(i) == set.Label(i)) / (double)set.Count;
        Assert.That(agreeing, Is.EqualTo(share).Within(4 * Math.Sqrt(share * (1 - share) / set.Count)));
    }

    [Test]
    public void BackgroundsAreIndependentInValidation()
    {
        var set = (ShapesDataset)DatasetFactory.Open("builtin/shapes:val=20000", null, "validation");
        var counts = new int[10, 10];
        for (int i = 0; i < set.Count; i++)
            counts[set.Label(i), set.Background(i)]++;
        double chiSquare = 0;
        foreach (int count in counts)
            chiSquare += (count - 200.0) * (count - 200.0) / 200;
        // 90 degrees of freedom: mean 90, deviation 13.4.
        Assert.That(chiSquare, Is.LessThan(150));
    }

    /// <summary>The background is what the pattern tells, whatever its colour: of stripes along rows, the top edge of the image is even and
    /// the left edge is not.</summary>
    [Test]
    public void BackgroundNumberIsTheOneDrawn()
    {
        const int size = 48, rows = 0, columns = 1;
        var set = (ShapesDataset)DatasetFactory.Open("builtin/shapes:share=0.5,size=48", null, "train");
        int right = 0, striped = 0;
        for (int i = 0; i < 1000; i++)
        {
            if (set.Background(i) is not (rows or columns))
                continue;
            byte[] pixels = Pixels(set, i);
            double top = Variance(Enumerable.Range(0, size).Select(p => Brightness(pixels, p)));
            double left = Variance(Enumerable.Range(0, size).Select(p => Brightness(pixels, p * size)));
            striped++;
            right += top < left == (set.Background(i) == rows) ? 1 : 0;
        }
        Assert.That(striped, Is.GreaterThan(100));
        Assert.That(right, Is.GreaterThan(0.97 * striped));

        static double Brightness(byte[] pixels, int pixel) => pixels[pixel * 3] + pixels[(pixel * 3) + 1] + pixels[(pixel * 3) + 2];

        static double Variance(IEnumerable<double> values)
        {
            double mean = values.Average();
            return values.Average(v => (v - mean) * (v - mean));
        }
    }

    [Test]
    public void EveryShapeCoversAFairPartAndHasSoftEdges()
    {
        var random = new PerturbedForgetting.Tensors.Random.RandomSequence(1, 2);
        foreach (Shape shape in Enum.GetValues<Shape>())
        {
            var placed = new PlacedShape(shape, 64, ref random);
            float covered = 0;
            int soft = 0;
            for (int i = 0; i < 64 * 64; i++)
            {
                float cover = placed.Coverage(i % 64, i / 64);
                covered += cover;
                soft += cover is > 0.05f and < 0.95f ? 1 : 0;
            }
            Assert.That(covered / 4096, Is.InRange(0.02f, 0.45f), shape.ToString());
            Assert.That(soft, Is.GreaterThan(20), shape.ToString());
        }
    }

    [Test]
    public void DrawsThousandsASecond()
    {
        var set = (ShapesDataset)DatasetFactory.Open("builtin/shapes", null, "train");
        using var image = new RgbImage();
        using var decoder = new ImageDecoder();
        TimeSpan best = TimeSpan.MaxValue;
        for (int trial = 0; trial < 10; trial++)
        {
            long start = System.Diagnostics.Stopwatch.GetTimestamp();
            for (int i = 0; i < 200; i++)
                set.Read(i, image, decoder);
            TimeSpan time = System.Diagnostics.Stopwatch.GetElapsedTime(start);
            best = time < best ? time : best;
        }
        Assert.That(200 / best.TotalSeconds, Is.GreaterThan(1000));
    }
}
