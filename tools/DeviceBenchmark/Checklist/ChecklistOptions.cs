using System.Globalization;

namespace DeviceBenchmark.Checklist;

/// <summary>Options of the checklist.</summary>
/// <param name="Device"><c>cuda</c>, or <c>sim</c> at reduced sizes.</param>
/// <param name="Minutes">All of it ends within so long.</param>
/// <param name="Output">Folder of the results; what is finished there is not done again.</param>
/// <param name="Python">A Python with torch.</param>
/// <param name="Only">Parts, or the beginnings of their names; none for all.</param>
/// <param name="Program">Runs <c>cli</c>, <c>tests</c> and this program's own commands.</param>
sealed record ChecklistOptions(string Device, double Minutes, string Output, string Python, IReadOnlyList<string> Only, string Program)
{
    /// <summary>Enough for everything at full length.</summary>
    const double UsualMinutes = 60, MostMinutes = 24 * 60;

    const string Cuda = "cuda", Sim = "sim";

    public bool IsSimulated => Device == Sim;

    /// <summary>Whether a part of this name is wanted: <c>tests</c> means all groups of tests.</summary>
    public bool Wants(string part) =>
        Only.Count == 0 || Only.Any(o => part == o || part.StartsWith(o + ".", StringComparison.Ordinal));

    /// <exception cref="UsageException">An option is wrong.</exception>
    public static ChecklistOptions Parse(IReadOnlyList<string> arguments)
    {
        ChecklistOptions options = new(Cuda, UsualMinutes, "on-device-results", "python3", [], Environment.ProcessPath ?? "");
        for (int i = 1; i < arguments.Count; i += 2)
        {
            if (i + 1 == arguments.Count)
                throw new UsageException($"'{arguments[i]}' needs a value.");
            string value = arguments[i + 1];
            options = arguments[i] switch
            {
                "--device" when value is Cuda or Sim => options with { Device = value },
                "--device" => throw new UsageException($"--device is '{value}', not 'cuda' or 'sim'."),
                "--minutes" when double.TryParse(value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double minutes)
                    && minutes is > 0 and <= MostMinutes => options with { Minutes = minutes },
                "--minutes" => throw new UsageException($"--minutes is '{value}', not a number above 0 and up to {MostMinutes}."),
                "--output" when value.Length > 0 => options with { Output = value },
                "--python" => options with { Python = value },
                "--only" => options with { Only = value.Split(',', StringSplitOptions.RemoveEmptyEntries) },
                "--program" => options with { Program = value },
                _ => throw new UsageException($"There is no option '{arguments[i]}', or '{value}' is no value of it."),
            };
        }
        string[] names = [.. PartList.Of(options with { Only = [] }).Select(p => p.Name)];
        return options.Only.FirstOrDefault(o => !names.Any(n => n == o || n.StartsWith(o + ".", StringComparison.Ordinal))) is { } unknown
            ? throw new UsageException($"--only names '{unknown}'; there are {string.Join(", ", names)}.")
            : options;
    }
}
