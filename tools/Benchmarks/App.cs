using System.CommandLine;
using System.ComponentModel;
using PerturbedForgetting.Tensors;

namespace Benchmarks;

/// <summary>Command line of the benchmarks.</summary>
static class App
{
    const int Good = 0, Wrong = 2;

    const string Description = """
        Measures the CPU backend, the loader and the software GPU.

        Suites:
          kernels     matrix products, convolutions, element-wise operations, norms, whole-model passes
          steps       whole training steps: plain, SAM, OBF, GSAM; their memory; with --peer another program beside them
          hessian     products of a loss's Hessian with vectors, in gradients of the same batch
          threads     SAM steps on many threads: what a machine of many processors gains, worked out; more threads than processors
          loader      images: decoding, cropping, resizing; folders against tar, TFRecord, WebDataset; with --peer another program beside it
          simulator   kernels on the software GPU
          comm        the all-reduce of two processes by MPI, beside the memory's own rate

        kernels:PART is one part of it (gemm, conv, elementwise, norm, multi-tensor); SUITE:PREFIX and kernels:PART:PREFIX are only the
        cases whose names begin so. steps:trial, hessian:trial and threads:trial are one small case, to see that they work.

        Examples:
          Benchmarks kernels --save before.json
          Benchmarks kernels:gemm kernels:conv:resnet50 --compare before.json
          Benchmarks steps --rounds 5 --peer ./peer.sh
          Benchmarks steps:resnet50/8x224
          Benchmarks loader --images photos --peer tools/loader_torchvision.py
        """;

    // Each writes its table to the console and adds its figures.
    static readonly (string Suite, string Part, Action<SuiteOptions, Figures> Run)[] parts =
    [
        ("kernels", "gemm", GemmSuite.Run), ("kernels", "conv", ConvSuite.Run), ("kernels", "elementwise", ElementwiseSuite.Run),
        ("kernels", "norm", NormSuite.Run), ("kernels", "multi-tensor", MultiTensorSuite.Run),
        ("steps", "", StepSuite.Run), ("hessian", "", HessianSuite.Run), ("threads", "", ThreadsSuite.Run), ("loader", "", LoaderSuite.Run),
        ("simulator", "", SimulatorSuite.Run), ("comm", "", CommSuite.Run),
    ];

    /// <summary>A part of a suite that was asked for.</summary>
    sealed record Selection(string Text, string Start, string Prefix, Action<SuiteOptions, Figures> Run)
    {
        /// <summary>Threads that it keeps busy at most; another program that is measured in turn may use all processors.</summary>
        public int Threads => Start == "threads/" ? ThreadsSuite.Many : Math.Max(Cpu.Threads, Environment.ProcessorCount);

        public bool Includes(string figure) => figure.StartsWith(Start + Prefix, StringComparison.Ordinal);
    }

    /// <summary>Runs a command line and returns the exit code: 0 good, 2 when something is wrong, which the error text says.</summary>
    public static int Run(IReadOnlyList<string> arguments, TextWriter output, TextWriter error)
    {
        try
        {
            var parsed = Root(output)
                .Parse(arguments, new ParserConfiguration { EnablePosixBundling = false, ResponseFileTokenReplacer = null });
            if (parsed.Errors.Count == 0 || parsed.Action is System.CommandLine.Help.HelpAction)
                return parsed.Invoke(new InvocationConfiguration
                {
                    EnableDefaultExceptionHandler = false,
                    ProcessTerminationTimeout = null,
                    Output = output,
                    Error = error
                });
            foreach (string message in parsed.Errors.Select(e => e.Message).Distinct())
                error.WriteLine($"error: {message}");
            error.WriteLine("See: Benchmarks --help");
        }
        catch (Exception e) when (e is UsageException or IOException or InvalidDataException or UnauthorizedAccessException
            or Win32Exception)
        {
            error.WriteLine($"error: {e.Message}");
        }
        return Wrong;
    }

    static RootCommand Root(TextWriter output)
    {
        Argument<string[]> suites = new("SUITE") { Arity = ArgumentArity.ZeroOrMore, Description = "what to measure" };
        Option<int> threads = Positive("--threads", "threads that compute", Cpu.Threads),
            rounds = Positive("--rounds", "alternations of what is measured in turn in steps and loader", 5);
        Option<string?> peer = new("--peer")
        {
            HelpName = "COMMAND",
            Description = "a program to measure in turn with ours in steps (called with MODEL BATCH PIXELS STEPS; prints '... X s/step "
            + "...') or loader (called with FOLDER; prints '... X images/s ...')"
        };
        Option<string?> images =
            new("--images")
            {
                HelpName = "FOLDER",
                Description = "loader: the JPEGs to read, or for loader:containers a Parquet file; without it some are made",
            };
        Option<string?> save = new("--save") { HelpName = "FILE", Description = "write all figures as JSON, anew after every case" };
        Option<string?> compare = new("--compare") { HelpName = "FILE", Description = "show the figures beside those of a saved run" };
        Option<bool> processor =
            new("--processor-time") { Description = "count processor time instead of elapsed time, for one thread on a busy machine" };
        RootCommand root = new(Description) { suites, threads, rounds, peer, images, save, compare, processor };
        // A version says nothing here.
        foreach (var version in root.Options.OfType<VersionOption>().ToArray())
            root.Options.Remove(version);
        root.SetAction(parsed =>
        {
            Cpu.Threads = parsed.GetValue(threads);
            Timing.ProcessorTime = parsed.GetValue(processor);
            Measure(Select(parsed.GetValue(suites)!), new("", parsed.GetValue(peer), parsed.GetValue(rounds), parsed.GetValue(images)),
                parsed.GetValue(save), parsed.GetValue(compare), output);
            return Good;
        });
        root.Subcommands.Add(StepProcess.Command(output));
        root.Subcommands.Add(CommMember.Command(output));
        return root;
    }

    static Option<int> Positive(string name, string description, int value)
    {
        Option<int> option = new(name) { HelpName = "N", Description = description, DefaultValueFactory = _ => value };
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && int.TryParse(result.Tokens[0].Value, out int number) && number < 1)
                result.AddError($"{name} is {number}; it must be 1 or more.");
        });
        return option;
    }

    static List<Selection> Select(string[] texts)
    {
        if (texts.Length == 0)
            throw new UsageException($"which SUITE? There are {List(parts.Select(p => p.Suite))}; see --help.");
        List<Selection> selected = [];
        foreach (string text in texts)
        {
            if (text.StartsWith('-'))
                throw new UsageException($"there is no option '{text}'; see --help.");
            string[] words = text.Split(':', 3);
            var suite = parts.Where(p => p.Suite == words[0]).ToArray();
            if (suite.Length == 0)
                throw new UsageException($"there is no suite '{words[0]}'; there are "
                    + $"{List(parts.Select(p => p.Suite))}.{Suggestions.DidYouMean(words[0], parts.Select(p => p.Suite).Distinct())}");
            bool hasParts = suite[0].Part.Length > 0;
            if (hasParts && words.Length > 1)
                suite = [.. suite.Where(p => p.Part == words[1])];
            if (suite.Length == 0)
                throw new UsageException(
                    $"'{words[0]}' has no part '{words[1]}'; it has {List(parts.Where(p => p.Suite == words[0]).Select(p => p.Part))}.");
            string prefix = string.Join(':', words.Skip(hasParts ? 2 : 1));
            selected.AddRange(suite.Select(p => new Selection(text, hasParts ? $"{p.Suite}/{p.Part}/" : $"{p.Suite}/", prefix, p.Run)));
        }
        return selected;

        static string List(IEnumerable<string> names) => string.Join(", ", names.Distinct());
    }

    static void Measure(List<Selection> selected, SuiteOptions options, string? save, string? compare, TextWriter output)
    {
        // Before the minutes that the figures take.
        var saved = compare is null ? null : SavedRun.Read(compare);
        var machine = Machine.Current;
        output.WriteLine($"{machine.Processor}: {Quantity.Of(Environment.ProcessorCount, "processor")}, "
            + $"{Quantity.Of(machine.Threads, "thread")}, {machine.Instructions}");
        var date = DateTimeOffset.Now;
        // After every case and round, so that a run that is ended from outside keeps what it has.
        Figures figures = new(save is null ? null : f => new SavedRun(machine, date, f.All, f.Conditions).Write(save));
        foreach (var part in selected)
        {
            int additions = figures.Additions, before = figures.All.Count, concluded = figures.Conditions.Count;
            var begin = ProcessorTicks.Now();
            part.Run(options with { Prefix = part.Prefix }, figures);
            if (figures.Additions == additions)
                throw new UsageException(
                    $"no case of '{part.Text.Split(':')[0]}' begins with '{part.Prefix}': run it without to see the names.");
            // Unless the suite has said it of every case.
            if (figures.Conditions.Count == concluded)
                output.WriteLine(figures.Conclude(part.Start.TrimEnd('/'), begin, part.Threads, before));
        }
        SavedRun run = new(machine, date, figures.All, figures.Conditions);
        if (saved is not null)
            Comparison.Write(run, saved, name => selected.Exists(s => s.Includes(name)), output);
        if (save is not null)
            output.WriteLine($"{Quantity.Of(run.Figures.Count, "figure")} saved in {save}");
    }
}

/// <summary>The command line is wrong; the message says where.</summary>
sealed class UsageException(string message) : Exception(message);
