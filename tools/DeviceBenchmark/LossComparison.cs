using System.Globalization;
using PerturbedForgetting.Training.Setup;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Loading;
using PerturbedForgetting.Vision.Transforms;

namespace DeviceBenchmark;

/// <summary>Trains a small ResNet and a small ViT from one seed on the CPU and on a device, in float32, and compares the losses step by
/// step. Rounding differs, and training makes small differences grow: the first steps must agree, the rest is reported.</summary>
static class LossComparison
{
    /// <summary>Steps that must agree, and how well, relative.</summary>
    const int FirstSteps = 10;
    const double Bound = 1e-3;

    const int Images = 2000, UsualSteps = 200, ReducedSteps = 4;

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

    public static int Run(Options options, TextWriter output)
    {
        bool isReduced = options.Device == "sim";
        int batch = isReduced ? 4 : 32, steps = options.Steps > 0 ? options.Steps : isReduced ? ReducedSteps : UsualSteps;
        List<Row> rows = [];
        foreach (TrainingShape shape in new[] { Small.ResNet, Small.Transformer }.Where(s =>
            s.Model.StartsWith(options.Model, StringComparison.Ordinal)))
        {
            TrainingShape sized = shape with { Batch = batch, Chunk = batch / 2 };
            Row row = new(sized, Losses("cpu", sized, steps), Losses(options.Device, sized, steps));
            rows.Add(row);
            output.WriteLine($"{sized.Model}, {sized.Optimizer}, batch {batch}, m {sized.Chunk}: loss {Ends(row.Expected)} on the CPU, "
                + $"{Ends(row.Actual)} here; largest relative difference of the loss to the CPU's"
                + string.Concat(Marks(steps)
                    .Select(m => string.Create(CultureInfo.InvariantCulture, $"; {m} steps {row.Deviation(m):0.0e+0}")))
                + (row.IsGood ? "" : string.Create(CultureInfo.InvariantCulture,
                    $". FAILED: the first {FirstSteps} may differ by {Bound}")));
        }
        if (options.Json.Length > 0)
            Write(options, rows, steps);
        return rows.Count > 0 && rows.TrueForAll(r => r.IsGood) ? 0 : 1;
    }

    /// <summary>The loss of each step.</summary>
    internal static double[] Losses(string device, TrainingShape shape, int steps)
    {
        using var place = new BenchmarkDevice(device, tf32: false);
        // The learning rate hardly falls meanwhile: what differs shall grow.
        using var training = new TrainingCase(place.Device, shape, updates: 10 * steps, graph: place.Device.SupportsGraphs);
        var data = DatasetFactory.Open(string.Create(CultureInfo.InvariantCulture, $"builtin/shapes:train={Images},size={shape.Pixels}"),
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
