using System.Diagnostics;
using System.Globalization;
using DeviceBenchmark.Checklist;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Cards;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Tensors;

namespace DeviceBenchmark;

/// <summary>Time of a training step on images that lie on the device already: plain and SAM with output-bias forgetting, with and
/// without CUDA graph. On the software GPU, kernels and bytes of a step of a small model instead.</summary>
static class StepBenchmark
{
    // Steps between two looks at the clock, so that the host may run ahead of the device as it does in training.
    const int Group = 5, UsualGroups = 6, WarmUp = 3;

    /// <summary>One row of the result.</summary>
    /// <param name="Shape">What was trained.</param>
    /// <param name="Graph">Whether the step was a CUDA graph.</param>
    sealed record Row(TrainingShape Shape, bool Graph)
    {
        public double Seconds { get; init; }

        public long MultiplyAdds { get; init; }

        public long PeakBytes { get; init; }

        public long Kernels { get; init; }

        public long BytesMoved { get; init; }

        /// <summary>That were measured.</summary>
        public int Steps { get; init; }

        /// <summary>Seconds that it takes at the least on this card, computed; 0 where the card is not known.</summary>
        public double Least { get; init; }

        public string? Error { get; init; }

        /// <summary>Whether the device answers nothing any more.</summary>
        public bool IsSticky { get; init; }

        /// <summary>10¹² multiplications and additions a second: a backward pass counts as two forward passes.</summary>
        public double Teraflops => 2e-12 * 3 * (Shape.Perturbs ? 2 : 1) * MultiplyAdds * Shape.Batch / Seconds;
    }

    public static int Run(Options options, TextWriter output)
    {
        var clock = Stopwatch.StartNew();
        List<Row> rows = [];
        output.WriteLine($"{"model",-24}{"optimizer",-12}{"graph",-7}{"batch",6}{"px",5}{"m",5}{"s/step",10}{"images/s",10}"
            + $"{"TFLOP/s",9}{"peak MiB",10}{"kernels",10}{"MB moved",10}{"of least",10}");
        Card? card = options.Device is "sim" or "cpu" ? null : CardOf(options.Device);
        Dictionary<TrainingShape, StepCount> counts = [];
        (TrainingShape Shape, bool Graph)[] all = [.. from shape in options.Choose(Cases.Of(options.Device)
            .SelectMany(static s => new[] { Cases.Plain(s), s })) from graph in options.Device == "cpu" ? [false] : new[] { false, true }
            select (shape, graph)];
        for (int i = 0; i < all.Length; i++)
        {
            // What is left is shared by what is left; an infinite time stays so.
            double seconds = (options.Seconds - clock.Elapsed.TotalSeconds) / (all.Length - i);
            if (seconds <= 0)
            {
                output.WriteLine($"{all[i].Shape.Name}: not begun, the time is over");
                return PartProcess.OutOfTime;
            }
            Row row = Measure(options.Device, all[i].Shape, all[i].Graph, StepsOf(options), seconds);
            if (card is not null && row.Error is null)
                row = row with { Least = LeastOf(row, card, counts) };
            rows.Add(row);
            output.WriteLine(Text(rows[^1]));
            // After each, for whatever may come.
            if (options.Json.Length > 0)
                Write(options, rows);
            // What follows would fail of it.
            if (rows[^1].IsSticky)
                return PartProcess.Sticky;
        }
        return rows.TrueForAll(r => r.Error is null) ? 0 : 1;
    }

    /// <summary>The card behind a device, where it is known.</summary>
    static Card? CardOf(string device)
    {
        string[] parts = device.Split(':');
        int ordinal = parts.Length > 1 && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            ? number
            : 0;
        return CudaDevice.All(CudaDriverApi.Installed).ElementAtOrDefault(ordinal) is { } gpu ? Card.OfTitle(gpu.Name) : null;
    }

    /// <summary>Seconds that the step takes at the least, computed.</summary>
    static double LeastOf(Row row, Card card, Dictionary<TrainingShape, StepCount> counts)
    {
        if (!counts.TryGetValue(row.Shape, out StepCount? count))
            counts.Add(row.Shape, count = StepCount.Of(row.Shape, card));
        return 1e-6 * (row.Graph ? count.Ours.GraphMicroseconds : count.Ours.EagerMicroseconds);
    }

    static int StepsOf(Options options) => options.Steps > 0 ? options.Steps : options.Device is "sim" or "cpu" ? 1 : UsualGroups * Group;

    /// <summary>Median of groups of steps: as many as are asked for, fewer where the time does not suffice, and at least one.</summary>
    static Row Measure(string device, TrainingShape shape, bool graph, int steps, double limit)
    {
        var clock = Stopwatch.StartNew();
        try
        {
            using var place = new BenchmarkDevice(device, tf32: true);
            using var training = new TrainingCase(place.Device, shape, updates: 1000, graph);
            using Tensor images = Tensor.Persistent([shape.Batch, shape.Pixels, shape.Pixels, 3], DType.Float32, place.Device)
                .CopyFrom<float>(Normal(shape));
            using Tensor labels = Tensor.Persistent([shape.Batch], DType.Int32, place.Device)
                .CopyFrom<int>([.. Enumerable.Range(0, shape.Batch).Select(i => i % shape.Classes)]);
            int done = 0;
            Advance(WarmUp);
            place.Device.ResetPeak();
            place.TakeCounts();
            int group = Math.Min(steps, Group);
            List<double> seconds = [Advance(group)];
            while (seconds.Count * group < steps && clock.Elapsed.TotalSeconds + (group * seconds[^1]) < limit)
                seconds.Add(Advance(group));
            var (kernels, bytes) = place.TakeCounts();
            seconds.Sort();
            return new Row(shape, graph)
            {
                Seconds = seconds[seconds.Count / 2],
                Steps = group * seconds.Count,
                MultiplyAdds = training.MultiplyAdds,
                PeakBytes = place.Device.Memory.Peak,
                Kernels = kernels / (group * seconds.Count),
                BytesMoved = bytes / (group * seconds.Count),
            };

            // Seconds of a step.
            double Advance(int count)
            {
                var clock = Stopwatch.StartNew();
                for (int i = 0; i < count; i++)
                    training.Step.Batch(images, labels, done++, 1000);
                place.Device.Synchronize();
                return clock.Elapsed.TotalSeconds / count;
            }
        }
        // One size may be too much for a card that can do the others.
        catch (Exception e) when (e is CudaException or CudaLibraryException or DeviceException or NotSupportedException
            or OutOfMemoryException)
        {
            return new Row(shape, graph) { Error = e.Message, IsSticky = BenchmarkApp.IsSticky(e) };
        }
    }

    static float[] Normal(TrainingShape shape)
    {
        var values = new float[shape.Batch * shape.Pixels * shape.Pixels * 3];
        var random = new Random(1);
        for (int i = 0; i < values.Length; i++)
            values[i] = (float)(random.NextDouble() + random.NextDouble() + random.NextDouble() - 1.5) * 2;
        return values;
    }

    static string Text(Row row)
    {
        TrainingShape s = row.Shape;
        string head =
            $"{s.Model,-24}{s.Optimizer,-12}{(row.Graph ? "on" : "off"),-7}{s.Batch,6}{s.Pixels,5}{(s.Perturbs ? s.Chunk : s.Batch),5}";
        return head + (row.Error is { } error
            ? "  " + error.ReplaceLineEndings(" ")
            : string.Create(CultureInfo.InvariantCulture, $"{row.Seconds,10:0.0000}{s.Batch / row.Seconds,10:0}{row.Teraflops,9:0.00}"
                + $"{row.PeakBytes / 1048576.0,10:0}{row.Kernels,10}{row.BytesMoved / 1e6,10:0}")
                + (row.Least > 0 ? string.Create(CultureInfo.InvariantCulture, $"{row.Seconds / row.Least,10:0.00}") : ""));
    }

    static void Write(Options options, List<Row> rows) => JsonFile.Write(options.Json, writer =>
    {
        writer.WriteString("device", options.Device);
        writer.WriteStartArray("steps");
        foreach (Row row in rows)
        {
            writer.WriteStartObject();
            writer.WriteString("model", row.Shape.Model);
            writer.WriteString("optimizer", row.Shape.Optimizer);
            writer.WriteBoolean("graph", row.Graph);
            writer.WriteNumber("batch", row.Shape.Batch);
            writer.WriteNumber("pixels", row.Shape.Pixels);
            writer.WriteNumber("m", row.Shape.Perturbs ? row.Shape.Chunk : row.Shape.Batch);
            if (row.Error is { } error)
                writer.WriteString("error", error);
            else
            {
                writer.WriteNumber("seconds", row.Seconds);
                writer.WriteNumber("steps_measured", row.Steps);
                writer.WriteNumber("teraflops", row.Teraflops);
                writer.WriteNumber("peak_bytes", row.PeakBytes);
                if (row.Least > 0)
                {
                    writer.WriteNumber("least_seconds", row.Least);
                    writer.WriteNumber("measured_over_least", row.Seconds / row.Least);
                }
            }
            if (row.Kernels > 0)
            {
                writer.WriteNumber("kernels", row.Kernels);
                writer.WriteNumber("bytes_moved", row.BytesMoved);
            }
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
    });
}
