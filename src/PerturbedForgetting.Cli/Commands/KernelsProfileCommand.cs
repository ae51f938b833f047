using System.CommandLine;
using System.Globalization;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Cards;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Cuda.Libraries;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Simulator.Execution;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends.Cuda.Profiling;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Cli.Commands;

/// <summary><c>kernels profile</c>: what each kernel moves, counted on the software GPU, or its time on a real one.</summary>
sealed class KernelsProfileCommand : ICliCommand
{
    readonly Option<string?> filter = new("--filter");
    readonly Option<bool> json = new("--json");
    readonly Option<string> device = new("--device") { DefaultValueFactory = _ => "sim" };
    readonly Option<int> launches = new("--launches") { DefaultValueFactory = _ => 1 };
    readonly Option<int?> side = new("--side");
    readonly Option<string?> output = new("--output");
    readonly Option<string?> roofline = new("--roofline");

    public CommandHelp Help { get; } = new("kernels profile", "[options]", "Show what each CUDA kernel loads, stores and executes.",
        ["kernels profile", "kernels profile --filter layer_norm --json", "kernels profile --roofline h100 --filter gelu",
            "kernels profile --device cuda --launches 20"])
    {
        Options =
        [
            ("--device NAME", "sim counts on the software GPU, cuda measures time on the first GPU [sim]"),
            ("--filter TEXT", "only kernels whose name contains the text"),
            ("--json", "write JSON instead of a table"),
            ("--launches N", "launches of each kernel [1]"),
            ("--output FILE", "also write the JSON to a file, after each kernel"),
            ("--roofline CARD", $"least time on a card, by its bandwidth and peaks: {Cards} [cuda: the card itself, where it is known]"),
            ("--side N", "makes matrices N times as wide and high, other arrays N² times as long [sim: 1, cuda: 16]"),
        ],
    };

    public void Configure(Command command)
    {
        foreach (Option option in new Option[] { filter, json, device, launches, output, roofline, side })
            command.Options.Add(option);
    }

    public int Run(ParseResult parsed, Terminal terminal)
    {
        string[] kernels = Choose(parsed.GetValue(filter));
        int count = parsed.GetValue(launches);
        if (count is < 1 or > MaxLaunches)
            throw Wrong("launches", string.Create(CultureInfo.InvariantCulture, $"{count} does not lie between 1 and {MaxLaunches}"));
        if (parsed.GetValue(output) is { } path && string.IsNullOrWhiteSpace(path))
            throw Wrong("output", "is empty; name a file, or leave the option out");
        string name = parsed.GetValue(device)!;
        int factor = parsed.GetValue(side) ?? (name == "cuda" ? LargeSide : 1);
        if (factor is < 1 or > MaxSide)
            throw Wrong("side", string.Create(CultureInfo.InvariantCulture, $"{factor} does not lie between 1 and {MaxSide}"));
        Card? card = parsed.GetValue(roofline) is { } chosen ? Find(chosen) : null;
        using SimulatedDriver? driver = name switch
        {
            "sim" => SoftwareGpu.Create(),
            "cuda" => null,
            _ => throw Wrong("device", $"'{name}' is neither 'sim' nor 'cuda'"),
        };
        CudaDevice gpu = CudaDevice.All(driver?.Api ?? CudaDriverApi.Installed).FirstOrDefault()
            ?? throw new CudaException("cuDeviceGetCount", CudaResult.NoDevice, "",
                advice: $"There is no GPU here: {CudaDriverApi.Installed.Origin}. Use --device sim.");
        CudaRequirements.Check(gpu);
        if (driver is null)
            card ??= Card.OfTitle(gpu.Name);
        var roof = card is null ? null : new Roofline(card);
        using CudaContext context = gpu.RetainPrimaryContext();
        using var profiler = new KernelProfiler(context, driver?.Libraries ?? CudaLibraries.Installed, factor);
        double? copy = driver is null ? profiler.CopyGigabytesPerSecond(count) : null;
        List<KernelRow> rows = [];
        foreach (string kernel in kernels.Where(profiler.IsHere))
        {
            driver?.ResetCounters();
            KernelProfile profile = profiler.Run(kernel, count, isWarm: driver is null);
            rows.Add(new(profile, driver?.Counters[kernel], roof?.Of(kernel, profile.LeastCost)));
            // After each, for whatever may come.
            if (parsed.GetValue(output) is { } file)
                File.WriteAllText(file, KernelsProfileText.Json(gpu, copy, roof, rows));
        }
        terminal.Out.WriteLine(parsed.GetValue(json) ? KernelsProfileText.Json(gpu, copy, roof, rows)
            : copy is { } speed ? KernelsProfileText.Times(speed, roof, rows)
            : KernelsProfileText.Counts(roof, rows));
        return ExitCodes.Success;
    }

    // Arrays of some hundreds of megabytes: no cache holds them, and an 8 GiB card does. Beyond twice that, counts leave 32 bits.
    const int LargeSide = 16, MaxSide = 32;

    // Hours on a card.
    const int MaxLaunches = 100_000;

    static string[] Choose(string? text)
    {
        string[] chosen = [.. KernelProfiler.Kernels.Where(k => k.Contains(text ?? "", StringComparison.OrdinalIgnoreCase))];
        return chosen.Length > 0 ? chosen
            : throw Wrong("filter", $"no kernel has '{text}' in its name.{Suggestions.DidYouMean(text!, KernelProfiler.Kernels)}");
    }

    static OptionException Wrong(string option, string message) => new([new OptionProblem("--" + option, message)]);

    static string Cards => string.Join(", ", Card.All.Select(static c => c.Name));

    static Card Find(string name) => Card.Find(name)
        ?? throw Wrong("roofline", $"there is no card '{name}'.{Suggestions.DidYouMean(name, Card.All.Select(static c => c.Name))} "
            + $"There are {Cards}");
}

/// <summary>A kernel as it was profiled.</summary>
/// <param name="Profile">What it declares and how long it took.</param>
/// <param name="Counters">What the software GPU counted; null on a real one.</param>
/// <param name="Least">Its least time on the card that is asked for; null where none is.</param>
sealed record KernelRow(KernelProfile Profile, Counters? Counters, LeastTime? Least);
