using System.CommandLine;
using System.Globalization;

namespace PerturbedForgetting.Fuzz;

/// <summary>Command line of the fuzz program.</summary>
static class App
{
    const int Good = 0, Found = 1, Wrong = 2;

    const string Description = """
        Gives damaged files to every reader and fails if one takes more than a second, more memory than 64 MB and 16 bytes a pixel (of
        containers: than 1 MB and ten times the file), or throws what it does not document. Mutants are the same for the same seed; those
        that were found are saved.

        Examples:
          Fuzz                                        10,000 mutants of each format
          Fuzz --count 100000 --seed 7
          Fuzz --format containers --total 200000     as many of all containers together
          Fuzz --format tiff --first 4711 --count 1   one mutant again
        """;

    /// <summary>Runs a command line and returns the exit code: 0 good, 1 with findings, 2 when the command is wrong.</summary>
    public static int Run(IReadOnlyList<string> arguments, TextWriter output)
    {
        if (arguments is [FuzzProcess.WorkerArgument, var format, var seed, var first, var end, var shared])
            return FuzzProcess.Work(format, Number(seed), Number(first), Number(end), shared, output);
        Option<string[]> formats = new("--format")
        {
            HelpName = "NAME",
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => [.. FuzzTargets.Names],
            Description = "what is tried",
        };
        formats.AcceptOnlyFromAmong([.. FuzzTargets.Names, FuzzTargets.AllDecoders, FuzzTargets.AllContainers]);
        Option<int> count = new("--count") { HelpName = "N", DefaultValueFactory = _ => 10_000, Description = "mutants of each format" };
        Option<int?> total = new("--total") { HelpName = "N", Description = "mutants of all formats together, in place of --count" };
        Option<int> start = new("--first") { HelpName = "N", Description = "number of the first mutant" };
        Option<int> random = new("--seed") { HelpName = "N", DefaultValueFactory = _ => 1, Description = "other ones make other mutants" };
        Option<string> folder = new("--out")
        {
            HelpName = "FOLDER",
            DefaultValueFactory = _ => "fuzz-findings",
            Description = "where mutants go that were found",
        };
        RootCommand root = new(Description) { formats, count, total, start, random, folder };
        root.SetAction(parsed =>
        {
            string[] chosen = [.. parsed.GetValue(formats)!.SelectMany(FuzzTargets.Of).Distinct()];
            int each = parsed.GetValue(total) is { } all ? (all + chosen.Length - 1) / chosen.Length : parsed.GetValue(count);
            return Fuzz(chosen, parsed.GetValue(random), parsed.GetValue(start), each, parsed.GetValue(folder)!, output);
        });
        ParseResult result = root.Parse(arguments);
        return result.Errors.Count > 0 ? ReportErrors(result) : result.Invoke();
    }

    static int Fuzz(string[] formats, int seed, int first, int count, string folder, TextWriter output)
    {
        int found = 0;
        foreach (string format in formats)
        {
            FuzzTarget target = FuzzTargets.Find(format);
            foreach (Finding finding in new FuzzProcess(format, seed, first, count, output).Run())
            {
                Directory.CreateDirectory(folder);
                File.WriteAllBytes(Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{format}-{seed}-{finding.Number}")),
                    target.Mutant(seed, finding.Number));
                found++;
            }
        }
        if (found > 0)
            output.WriteLine($"{found} findings; their mutants are in {folder}");
        return found > 0 ? Found : Good;
    }

    static int ReportErrors(ParseResult result)
    {
        foreach (string message in result.Errors.Select(e => e.Message).Distinct())
            Console.Error.WriteLine($"error: {message}");
        return Wrong;
    }

    static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
