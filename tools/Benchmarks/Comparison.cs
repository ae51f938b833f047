using System.Globalization;
using PerturbedForgetting.Tensors;

namespace Benchmarks;

/// <summary>The figures of two runs beside each other.</summary>
static class Comparison
{
    /// <summary>Writes each figure with the saved one and their ratio; "faster" or "slower" where both runs' spread does not explain
    /// it.</summary>
    /// <param name="now">This run.</param>
    /// <param name="saved">The run before.</param>
    /// <param name="isWanted">Whether a figure of this name was to be measured now.</param>
    /// <param name="output">Where to.</param>
    public static void Write(SavedRun now, SavedRun saved, Func<string, bool> isWanted, TextWriter output)
    {
        output.WriteLine();
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"compared with the run of {saved.Date:yyyy-MM-dd HH:mm zzz}; a ratio below 1 is less than then"));
        if (now.Machine != saved.Machine)
            output.WriteLine($"ANOTHER MACHINE: saved on {Describe(saved.Machine)}; now {Describe(now.Machine)}");
        var before = saved.Figures.ToDictionary(f => f.Name);
        int width = now.Figures.Max(f => f.Name.Length) + 2;
        output.WriteLine($"{"figure".PadRight(width)}{"unit",-6}{"now",12}{"saved",12}{"ratio",8}");
        foreach (var figure in now.Figures)
        {
            string line = string.Create(CultureInfo.InvariantCulture,
                $"{figure.Name.PadRight(width)}{figure.Unit,-6}{figure.Median,12:G4}");
            output.WriteLine(before.Remove(figure.Name, out var old) && old.Unit == figure.Unit
                ? line + string.Create(CultureInfo.InvariantCulture,
                    $"{old.Median,12:G4}{figure.Median / old.Median,8:F3}  {Judge(figure, old)}").TrimEnd()
                : line + $"{"-",12}{"-",8}  not in the saved run");
        }
        foreach (var missing in before.Values.Where(f => isWanted(f.Name)))
            output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{missing.Name.PadRight(width)}{missing.Unit,-6}{"-",12}{missing.Median,12:G4}{"-",8}  missing in this run"));
    }

    /// <summary>What the ratio of two figures says: nothing where it lies within the distance of a run's median from its minimum, or where
    /// only one run was made.</summary>
    internal static string Judge(Figure now, Figure saved)
    {
        if (Math.Min(now.Runs, saved.Runs) < 2)
            return "";
        double ratio = now.Median / saved.Median, spread = Math.Max(now.Median / now.Minimum, saved.Median / saved.Minimum);
        bool isTime = now.Unit == "s";
        return ratio > spread ? isTime ? "slower" : "more" : ratio < 1 / spread ? isTime ? "faster" : "less" : "";
    }

    static string Describe(Machine machine) => $"{machine.Processor}, {Quantity.Of(machine.Threads, "thread")}, {machine.Instructions}";
}
