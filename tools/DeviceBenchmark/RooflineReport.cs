using System.Globalization;
using PerturbedForgetting.Cuda.Cards;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training.Profiling;

namespace DeviceBenchmark;

/// <summary>Least times of the steps that are measured on a card, without one.</summary>
static class RooflineReport
{
    public static int Run(Options options, TextWriter output)
    {
        foreach (Card card in Cards(options))
        {
            output.WriteLine(RooflineTable.Rates(new Roofline(card)));
            output.WriteLine($"{"step",-33}{"of",-11}{"batch",6}{"m",5}{"launches",9}{"GB",8}{"TFLOP",7}{"graph ms",10}{"eager ms",10}"
                + $"{"memory",8}{"compute",9}{"launch",8}{"images/s",10}{"peak GiB",10}");
            foreach (TrainingShape shape in options.Choose(Cases.Reference))
            {
                StepCount count = StepCount.Of(shape, card);
                Write(output, shape, "ours", count.Ours, count.Ours.GraphMicroseconds, count.PeakBytes);
                // Eager PyTorch does not replay its step.
                Write(output, shape, "reference", count.Reference!, count.Reference!.EagerMicroseconds, null);
                if (options.Details)
                    output.WriteLine($"{RooflineTable.Text(count.Ours, 1)}\n\nThe reference's:\n"
                        + $"{RooflineTable.Text(count.Reference!, 1)}\n");
            }
            output.WriteLine();
        }
        return 0;
    }

    /// <summary>The cards that are asked for.</summary>
    public static Card[] Cards(Options options) =>
        options.Cards.Length == 0 ? [Card.Find("h100")!] : [.. options.Cards.Split(',').Select(Find)];

    static void Write(TextWriter output, TrainingShape shape, string whose, RooflineSum sum, double best, long? peak) =>
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{shape.Name,-33}{whose,-11}{shape.Batch,6}{shape.Chunk,5}{sum.Launches,9}{sum.Cost.Bytes / 1e9,8:0.0}"
            + $"{sum.Cost.Operations / 1e12,7:0.00}{sum.GraphMicroseconds / 1e3,10:0.0}{sum.EagerMicroseconds / 1e3,10:0.0}"
            + $"{100 * sum.ShareOf(Roof.Memory),7:0}%{100 * sum.ShareOf(Roof.Compute),8:0}%{100 * sum.ShareOf(Roof.Launch),7:0}%"
            + $"{shape.Batch / best * 1e6,10:0}{(peak is { } bytes ? bytes / 1073741824.0 : double.NaN),10:0.0}").Replace("NaN", "",
            StringComparison.Ordinal).TrimEnd());

    static Card Find(string name) => Card.Find(name) ?? throw new UsageException(
        $"There is no card '{name}'.{Suggestions.DidYouMean(name, Card.All.Select(static c => c.Name))} There are "
        + $"{string.Join(", ", Card.All.Select(static c => c.Name))}.");
}
