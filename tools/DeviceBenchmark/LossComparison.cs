using System.Diagnostics;
using System.Globalization;
using DeviceBenchmark.Checklist;
using PerturbedForgetting.Training.Setup;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Loading;
using PerturbedForgetting.Vision.Transforms;

namespace DeviceBenchmark;

/// <summary>Trains models from one seed on the CPU and on a device, in float32, and compares the losses step by step. Rounding differs,
/// and training makes small differences grow: the first steps must agree, the rest is reported.</summary>
static class LossComparison
{
    /// <summary>Steps that must agree, and how well, relative.</summary>
    const int FirstSteps = 10;
    const double Bound = 1e-3;

    const int Images = 2000, UsualSteps = 200, UsualBatch = 32, ReducedSteps = 4, ReducedBatch = 4, SmokeImages = 16, SmokeSteps = 2;

    // Where the drift is told.
    static readonly int[] marks = [1, FirstSteps, 50, 100, UsualSteps];

    /// <summary>One comparison.</summary>
    /// <param name="Shape">What was trained.</param>
    /// <param name="Expected">Losses of the CPU.</param>
    /// <param name="Actual">Losses of the device.</param>
    internal sealed record Row(TrainingShape Shape, double[] Expected, double[] Actual)
    {
        /// <summary>Largest relative difference of the first steps.</summary>
        public double Deviation(int steps)
        {
            double[] differences = [.. Expected.Zip(Actual, (e, a) => Math.Abs(a - e) / Math.Abs(e)).Take(steps)];
            // A difference that is no number is no agreement.
            return Array.Exists(differences, double.IsNaN) ? double.PositiveInfinity : differences.Max();
        }

        public bool IsGood => Deviation(FirstSteps) <= Bound;
    }

    /// <summary>Long runs of small models.</summary>
    public static int Run(Options options, TextWriter output)
    {
        bool isReduced = options.Device == "sim";
        int batch = isReduced ? ReducedBatch : UsualBatch;
        return Compare(options, output, Cases.Small.Select(s => s with { Batch = batch, Chunk = batch / 2 }), Images,
            isReduced ? ReducedSteps : UsualSteps);
    }

    /// <summary>The first steps of the models of the reference; on the software GPU of small ones.</summary>
    public static int RunSmoke(Options options, TextWriter output) => Compare(options, output,
        Cases.Of(options.Device).Select(static s => s with { Batch = ReducedBatch, Chunk = ReducedBatch / 2 }), SmokeImages, SmokeSteps);

    static int Compare(Options options, TextWriter output, IEnumerable<TrainingShape> shapes, int images, int usualSteps)
    {
        var clock = Stopwatch.StartNew();
        int steps = options.Steps > 0 ? options.Steps : usualSteps;
        List<Row> rows = [];
        foreach (TrainingShape shape in options.Choose(shapes))
        {
            if (clock.Elapsed.TotalSeconds > options.Seconds)
            {
                output.WriteLine($"{shape.Name}: not begun, the time is over");
                return PartProcess.OutOfTime;
            }
            Row row = new(shape, Losses("cpu", shape, steps, images), Losses(options.Device, shape, steps, images));
            rows.Add(row);
            output.WriteLine($"{shape.Model}, {shape.Optimizer}, batch {shape.Batch}, m {shape.Chunk}: loss {Ends(row.Expected)} on the "
                + $"CPU, {Ends(row.Actual)} here; largest relative difference of the loss to the CPU's"
                + string.Concat(Marks(steps)
                    .Select(m => string.Create(CultureInfo.InvariantCulture, $"; {m} steps {row.Deviation(m):0.0e+0}")))
                + (row.IsGood ? "" : string.Create(CultureInfo.InvariantCulture,
                    $". FAILED: the first {FirstSteps} may differ by {Bound}")));
            // After each, for whatever may come.
            if (options.Json.Length > 0)
                Write(options, rows, steps);
        }
        return rows.TrueForAll(r => r.IsGood) ? 0 : 1;
    }

    /// <summary>The loss of each step.</summary>
    static double[] Losses(string device, TrainingShape shape, int steps, int images)
    {
        using var place = new BenchmarkDevice(device, tf32: false);
        // The learning rate hardly falls meanwhile: what differs shall grow.
        using var training = new TrainingCase(place.Device, shape, updates: 10 * steps, graph: place.Device.SupportsGraphs);
        var data = DatasetFactory.Open(string.Create(CultureInfo.InvariantCulture, $"builtin/shapes:train={images},size={shape.Pixels}"),
            dataDir: null, split: "train");
        using var loader = new ImageLoader(data, new PaddedCrop(shape.Pixels, shape.Pixels),
            LoaderOptions.Training(shape.Batch, workers: 0, seed: 1) with { Device = place.Device });
        using var input = new BatchInput(place.Device, Normalization.Inception, shape.Classes);
        List<double> losses = [];
        for (int epoch = 0; losses.Count < steps; epoch++)
        {
            foreach (InputBatch batch in input.Epoch(loader, epoch))
            {
                training.Step.Batch(batch.Images, batch.Labels, batch.Number, loader.BatchesPerEpoch);
                losses.Add(training.Step.Report().MeanLoss);
                if (losses.Count == steps)
                    break;
            }
        }
        return [.. losses];
    }

    static string Ends(double[] losses) => string.Create(CultureInfo.InvariantCulture, $"{losses[0]:0.000} to {losses[^1]:0.000}");

    static IEnumerable<int> Marks(int steps) => marks.Where(m => m < steps).Append(steps);

    static void Write(Options options, List<Row> rows, int steps) => JsonFile.Write(options.Json, writer =>
    {
        writer.WriteString("device", options.Device);
        writer.WriteNumber("bound", Bound);
        writer.WriteNumber("bound_steps", FirstSteps);
        writer.WriteStartArray("losses");
        foreach (Row row in rows)
        {
            writer.WriteStartObject();
            writer.WriteString("model", row.Shape.Model);
            writer.WriteString("optimizer", row.Shape.Optimizer);
            writer.WriteNumber("batch", row.Shape.Batch);
            writer.WriteBoolean("good", row.IsGood);
            writer.WriteNumber("first_loss", row.Expected[0]);
            writer.WriteNumber("last_loss", row.Expected[^1]);
            writer.WriteStartArray("drift");
            foreach (int mark in Marks(steps))
            {
                writer.WriteStartObject();
                writer.WriteNumber("steps", mark);
                // JSON has no infinity.
                if (double.IsFinite(row.Deviation(mark)))
                    writer.WriteNumber("relative", row.Deviation(mark));
                writer.WriteEndObject();
            }
            writer.WriteEndArray();
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
    });
}
