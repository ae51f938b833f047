using System.Globalization;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Vision.Loading;

namespace PerturbedForgetting.Cli;

/// <summary>Words for what a data set consists of.</summary>
static class DatasetSummaryText
{
    /// <summary>More classes are summed up, and their smallest and largest shown.</summary>
    const int MostClasses = 120, Shown = 5, MostBad = 10;

    public static void Write(DatasetSummary summary, TextWriter w)
    {
        w.WriteLine(summary.Dataset);
        w.WriteLine(Text($"  images    {summary.Images} in {Quantity.Of(summary.Classes.Count, "class", "classes")} ")
            + Text($"(class list {summary.Classes.Hash})"));
        if (summary.Looked < summary.Images)
            w.WriteLine(Text($"  looked at {summary.Looked} of them"));
        if (summary.Formats.Count > 0)
        {
            w.WriteLine($"  formats   {List(summary.Formats)}");
            w.WriteLine($"  colours   {List(summary.Colors)}");
            w.WriteLine(Text($"  width     {summary.Width.Min} to {summary.Width.Max}, mean {summary.Width.Mean:0.#}"));
            w.WriteLine(Text($"  height    {summary.Height.Min} to {summary.Height.Max}, mean {summary.Height.Mean:0.#}"));
            w.WriteLine($"  sizes     {string.Join(", ", summary.Sizes.Select(s => Text($"{s.Width} x {s.Height}: {s.Count}")))}");
        }
        foreach (string note in summary.Notes)
            w.WriteLine($"  note      {note}");
        foreach (BadImage bad in summary.Bad.Take(MostBad))
            w.WriteLine($"  bad       {bad.Path}: {bad.Reason}");
        if (summary.Bad.Count > MostBad)
            w.WriteLine(Text($"            and {summary.Bad.Count - MostBad} more; data check lists all by kind"));
        WriteClasses(summary, w);
    }

    static void WriteClasses(DatasetSummary summary, TextWriter w)
    {
        var counts = summary.ImagesPerClass.Select((n, c) => (Class: c, Images: n)).ToArray();
        if (counts.Length <= MostClasses)
        {
            foreach (var (index, images) in counts)
                WriteClass(index, images);
            return;
        }
        w.WriteLine(Text($"  a class   {counts.Min(c => c.Images)} to {counts.Max(c => c.Images)}, ")
            + Text($"mean {counts.Average(c => c.Images):0.#}; the smallest and the largest:"));
        var sorted = counts.OrderBy(c => c.Images).ToArray();
        foreach (var (index, images) in sorted.Take(Shown).Concat(sorted.TakeLast(Shown)))
            WriteClass(index, images);

        void WriteClass(int index, int images) => w.WriteLine(Text($"  {index,6}  {images,9}  {summary.Classes.Names[index]}"));
    }

    static string List(IReadOnlyDictionary<string, int> counts) =>
        string.Join(", ", counts.OrderByDescending(c => c.Value).Select(c => Text($"{c.Key} {c.Value}")));

    static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
