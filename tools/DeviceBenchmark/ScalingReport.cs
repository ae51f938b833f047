using System.Globalization;
using PerturbedForgetting.Cuda.Cards;

namespace DeviceBenchmark;

/// <summary>How far training is from N times as fast on N GPUs: the model of an all-reduce beside the least time of a step, or beside numbers
/// of one's own.</summary>
static class ScalingReport
{
    static readonly int[] sizes = [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

    public static int Run(Options options, TextWriter output)
    {
        foreach (var (name, step, parameters, inGroups) in Steps(options))
        {
            foreach (int accumulation in options.Accumulation > 0 ? [options.Accumulation] : (int[])[1, 8])
                // A sum over several groups or batches is reduced in float64.
                Write(name, step * accumulation, parameters * (inGroups || accumulation > 1 ? sizeof(double) : sizeof(float)), accumulation,
                    output);
        }
        return 0;
    }

    /// <summary>Name, seconds and parameters of each step, and whether it perturbs its batch in groups.</summary>
    static IEnumerable<(string Name, double Seconds, double Parameters, bool InGroups)> Steps(Options options)
    {
        if (options.StepMilliseconds > 0)
        {
            if (options.Parameters <= 0)
                throw new UsageException("--step-ms needs --parameters, the model's.");
            yield return ("own step", options.StepMilliseconds / 1e3, options.Parameters, false);
            yield break;
        }
        Card card = RooflineReport.Cards(options)[0];
        foreach (TrainingShape shape in options.Choose(Cases.Reference))
        {
            StepCount count = StepCount.Of(shape, card);
            yield return ($"{shape.Name}, {shape.Batch} images, {card.Name}", count.Ours.GraphMicroseconds / 1e6, count.Parameters,
                shape.Chunk < shape.Batch);
        }
    }

    static void Write(string name, double window, double bytes, int accumulation, TextWriter output)
    {
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{name}, {accumulation} an update: {window * 1e3:0.0} ms, {bytes / 1e6:0.0} MB to reduce"));
        Link[] networks = [ScalingModel.Network(200), ScalingModel.Network(400)];
        output.WriteLine($"{"GPUs",6}" + string.Concat(networks.Select(static n => $"{n.Name,16}{"efficiency",12}")));
        foreach (int size in sizes)
        {
            string row = string.Create(CultureInfo.InvariantCulture, $"{size,6}");
            foreach (Link network in networks)
            {
                ScalingModel model = new(ScalingModel.NvLink4, network);
                row += string.Create(CultureInfo.InvariantCulture,
                    $"{model.Seconds(bytes, size) * 1e3,13:0.00} ms{100 * model.Efficiency(window, bytes, size),11:0.0}%");
            }
            output.WriteLine(row);
        }
        output.WriteLine();
    }
}
