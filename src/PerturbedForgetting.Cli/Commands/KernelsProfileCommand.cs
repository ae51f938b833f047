using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using PerturbedForgetting.Cuda;
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

    public CommandHelp Help { get; } = new("kernels profile", "[options]", "Show what each CUDA kernel loads, stores and executes.",
        ["kernels profile", "kernels profile --filter layer_norm --json", "kernels profile --device cuda --launches 20"])
    {
        Options =
        [
            ("--device NAME", "sim counts on the software GPU, cuda measures time on the first GPU [sim]"),
            ("--filter TEXT", "only kernels whose name contains the text"),
            ("--json", "write JSON instead of a table"),
            ("--launches N", "launches of each kernel [1]"),
            ("--output FILE", "also write the JSON to a file"),
            ("--side N", "makes matrices N times as wide and high, other arrays N² times as long [sim: 1, cuda: 16]"),
        ],
    };

    public void Configure(Command command)
    {
        foreach (Option option in new Option[] { filter, json, device, launches, output, side })
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
        using CudaContext context = gpu.RetainPrimaryContext();
        using var profiler = new KernelProfiler(context, driver?.Libraries ?? CudaLibraries.Installed, factor);
        double? copy = driver is null ? profiler.CopyGigabytesPerSecond(count) : null;
        List<(KernelProfile Profile, Counters? Counters)> rows = [];
        foreach (string kernel in kernels.Where(profiler.IsHere))
        {
            driver?.ResetCounters();
            KernelProfile profile = profiler.Run(kernel, count, isWarm: driver is null);
            rows.Add((profile, driver?.Counters[kernel]));
        }
        if (parsed.GetValue(output) is { } file)
            File.WriteAllText(file, Json(gpu, copy, rows));
        terminal.Out.WriteLine(parsed.GetValue(json) ? Json(gpu, copy, rows) : copy is { } speed ? Times(speed, rows) : Counts(rows));
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

    const int NameWidth = 40, ShapeWidth = 29;

    static string Counts(IEnumerable<(KernelProfile Profile, Counters? Counters)> rows)
    {
        StringBuilder table = new();
        table.AppendLine("bytes an element: moved / least possible");
        table.Append($"{"kernel",-NameWidth}{"shape",-ShapeWidth}{"launches",9}{"loaded",16}{"stored",16}{"sectors",9}"
            + $"{"conflicts",10}{"instr/elem",11}{"registers",10}{"shared",8}{"local",7}");
        foreach ((KernelProfile p, Counters? c) in rows)
        {
            double elements = (double)p.Elements * c!.Launches;
            table.AppendLine();
            table.Append(CultureInfo.InvariantCulture, $"{p.Kernel,-NameWidth}{p.Shape,-ShapeWidth}{c.Launches,9}");
            table.Append(CultureInfo.InvariantCulture,
                $"{Pair(c.BytesLoaded / elements, p.LeastLoaded),16}{Pair(c.BytesStored / elements, p.LeastStored),16}");
            table.Append(CultureInfo.InvariantCulture, $"{100 * c.SectorEfficiency,8:0.#}%{c.BankConflicts,10}"
                + $"{c.LaneInstructions / elements,11:0.##}{p.Registers,10}{p.SharedBytes,8}{p.LocalBytes,7}");
        }
        return table.ToString();

        static string Pair(double actual, double least) => string.Create(CultureInfo.InvariantCulture, $"{actual:0.###} / {least:0.###}");
    }

    static string Times(double copy, IEnumerable<(KernelProfile Profile, Counters? Counters)> rows)
    {
        StringBuilder table = new();
        table.AppendLine(CultureInfo.InvariantCulture, $"copy within the device's memory: {copy:0} GB/s read and written");
        table.Append($"{"kernel",-NameWidth}{"shape",-ShapeWidth}{"microseconds",13}{"GB/s",8}{"of copy",9}"
            + $"{"TFLOP/s",9}{"registers",10}{"shared",8}{"local",7}");
        foreach ((KernelProfile p, _) in rows)
        {
            table.AppendLine();
            table.Append(CultureInfo.InvariantCulture, $"{p.Kernel,-NameWidth}{p.Shape,-ShapeWidth}{1000 * p.Milliseconds,13:0.0}");
            table.Append(p.Operations > 0
                ? string.Create(CultureInfo.InvariantCulture, $"{"",17}{p.Teraflops,9:0.00}")
                : string.Create(CultureInfo.InvariantCulture, $"{p.GigabytesPerSecond,8:0}{100 * p.GigabytesPerSecond / copy,8:0}%{"",9}"));
            table.Append(CultureInfo.InvariantCulture, $"{p.Registers,10}{p.SharedBytes,8}{p.LocalBytes,7}");
        }
        return table.ToString();
    }

    static string Json(CudaDevice gpu, double? copy, IEnumerable<(KernelProfile Profile, Counters? Counters)> rows)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream, new JsonWriterOptions { Indented = true }))
        {
            writer.WriteStartObject();
            writer.WriteString("device", gpu.Name);
            if (copy is { } speed)
                writer.WriteNumber("copy_gigabytes_per_second", speed);
            writer.WriteStartArray("kernels");
            foreach ((KernelProfile p, Counters? c) in rows)
                Write(writer, copy, p, c);
            writer.WriteEndArray();
            writer.WriteEndObject();
        }
        return Encoding.UTF8.GetString(stream.ToArray());
    }

    static void Write(Utf8JsonWriter writer, double? copy, KernelProfile p, Counters? c)
    {
        writer.WriteStartObject();
        writer.WriteString("kernel", p.Kernel);
        writer.WriteString("family", p.Family);
        writer.WriteString("shape", p.Shape);
        writer.WriteNumber("elements", p.Elements);
        writer.WriteNumber("least_loaded_per_element", p.LeastLoaded);
        writer.WriteNumber("least_stored_per_element", p.LeastStored);
        writer.WriteNumber("registers", p.Registers);
        writer.WriteNumber("shared_bytes", p.SharedBytes);
        writer.WriteNumber("local_bytes", p.LocalBytes);
        if (copy is { } speed)
        {
            writer.WriteNumber("milliseconds", p.Milliseconds);
            if (p.Operations > 0)
                writer.WriteNumber("teraflops", p.Teraflops);
            else
            {
                writer.WriteNumber("gigabytes_per_second", p.GigabytesPerSecond);
                writer.WriteNumber("ratio_to_copy", p.GigabytesPerSecond / speed);
            }
        }
        if (c is not null)
        {
            writer.WriteNumber("launches", c.Launches);
            writer.WriteNumber("bytes_loaded", c.BytesLoaded);
            writer.WriteNumber("bytes_stored", c.BytesStored);
            writer.WriteNumber("sector_efficiency", c.SectorEfficiency);
            writer.WriteNumber("bank_conflicts", c.BankConflicts);
            writer.WriteNumber("lane_instructions", c.LaneInstructions);
            writer.WriteNumber("warp_instructions", c.WarpInstructions);
            writer.WriteNumber("barriers", c.Barriers);
            writer.WriteNumber("atomics", c.Atomics);
        }
        writer.WriteEndObject();
    }
}
