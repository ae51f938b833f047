using System.Globalization;

namespace DeviceBenchmark.Checklist;

/// <summary>The parts, the most valuable first.</summary>
static class PartList
{
    /// <summary>Groups of fixtures: what the device's name is put behind.</summary>
    static readonly (string Group, string Fixtures, double Least, double Most)[] kernelTests =
    [
        ("multi_tensor", @"Cuda\.Kernels\.MultiTensor\.\w+", 8, 120),
        ("loss", @"Cuda\.Kernels\.Loss\.\w+", 8, 120),
        ("norms", @"Cuda\.Kernels\.(LayerNorm|BatchNorm)\w+", 8, 180),
        ("attention", @"Cuda\.Kernels\.Attention\w+", 8, 180),
        ("products", @"Cuda\.Kernels\.(Gemm|Im2Col)\w+", 8, 180),
        ("others", @"Cuda\.(KernelLibraryTests|Kernels\.(?!MultiTensor|Loss|LayerNorm|BatchNorm|Attention|Gemm|Im2Col)[\w.]+)", 8, 120),
        ("libraries", @"Cuda\.(Blas|Dnn)\.\w+", 8, 240),
    ];

    static readonly (string Group, string Fixtures, double Least, double Most)[] engineTests =
    [
        ("operations", @"Tensors\.OpsTests\.OperationTests", 10, 600),
        ("engine", @"Tensors\.(?!OpsTests\.OperationTests)[\w.]+", 10, 600),
        ("models", @"Vision\.[\w.]+", 10, 600),
        ("training", @"Training\.[\w.]+", 10, 900),
    ];

    // Kernels with shared memory, and atomics or last blocks.
    const string Sanitized = "(Operation|LayerNorm|Softmax|BatchNorm|Attention|Pooling|Gemm|Im2Col|Pass|Update|Reduction|CrossEntropy"
        + "|OutputBiasForget)Tests";

    /// <summary>All parts of a device.</summary>
    public static IReadOnlyList<Part> Of(ChecklistOptions options) =>
        [.. All(options).Where(p => options.Wants(p.Name))];

    static IEnumerable<Part> All(ChecklistOptions o)
    {
        yield return new("devices", 3, 60, _ => [o.Program, "cli", "devices", "--verbose"]);
        // Here the driver compiles the kernels; the processes behind it find them in its cache.
        yield return Own("smoke", 40, 180, "smoke");
        foreach ((string group, string fixtures, double least, double most) in kernelTests)
            yield return Tests(o, group, fixtures, least, most);
        foreach (TrainingShape shape in Cases.Of(o.Device))
            yield return Own($"steps.{shape.Model}", 20, 120, "steps", "--model", shape.Name);
        yield return new("kernels", 30, 600, seconds => [o.Program, "cli", "kernels", "profile", "--device", o.Device, "--launches",
            Launches(o, seconds), "--output", JsonOf(o, "kernels")]);
        foreach ((string group, string fixtures, double least, double most) in engineTests)
            yield return Tests(o, group, fixtures, least, most);
        yield return Own("losses", 10, 600, "losses");
        foreach (TrainingShape shape in Cases.Of(o.Device))
            yield return Own($"plain.{shape.Model}", 10, 120, "steps", "--model", Cases.Plain(shape).Name);
        yield return Sanitizer(o);
        yield return new("torch", 30, 900, _ => [o.Python, Path.Combine(Folder(o.Program), "on_device_torch.py"), "--json",
            JsonOf(o, "torch"), .. o.IsSimulated ? ["--device", "cpu", "--small"] : (string[])[]])
        {
            WhyLeftOut = () => Machine.Runs(o.Python, "-c", "import torch; torch.nn.functional.scaled_dot_product_attention")
                ? null
                : $"'{o.Python}' has no torch 2.1 or newer",
        };

        Part Own(string name, double least, double most, params string[] command) => new(name, least, most, seconds =>
            [o.Program, .. command, "--device", o.Device, "--seconds", Text(seconds), "--json", JsonOf(o, name)]);
    }

    static Part Tests(ChecklistOptions o, string group, string fixtures, double least, double most) =>
        new($"tests.{group}", least, most, seconds =>
            [o.Program, "tests", "--filter", Filter(fixtures, o.Device), "--seconds", Text(seconds), "--log", LogOf(o, $"tests.{group}")]);

    static Part Sanitizer(ChecklistOptions o)
    {
        const string name = "sanitizer", program = "compute-sanitizer";
        return new(name, 60, 3600, seconds => [program, "--error-exitcode", "9", o.Program, "tests",
            "--filter", Filter($@"Cuda\.Kernels\.[\w.]+\.{Sanitized}", o.Device), "--seconds", Text(seconds), "--log", LogOf(o, name)])
        {
            WhyLeftOut = () => o.IsSimulated ? "the software GPU checks every access itself"
                : Machine.Runs(program, "--version") ? null
                : $"{program} is not on the PATH",
        };
    }

    /// <summary>File in which a part that measures leaves its numbers.</summary>
    public static string JsonOf(ChecklistOptions options, string part) => Path.Combine(options.Output, part + ".json");

    /// <summary>File to which a group of tests adds each test.</summary>
    public static string LogOf(ChecklistOptions options, string part) => Path.Combine(options.Output, part + ".jsonl");

    // Fixtures that run on several devices have the device's name as their first argument.
    static string Filter(string fixtures, string device) => $@"PerturbedForgetting\.Tests\.{fixtures}\((""{device}""|{device})[,)]";

    // Beside the launches there are arrays of hundreds of megabytes to fill for each kernel.
    static string Launches(ChecklistOptions options, double seconds) =>
        options.IsSimulated ? "1" : seconds >= 120 ? "50" : seconds >= 45 ? "20" : "5";

    static string Text(double seconds) => seconds.ToString("0.#", CultureInfo.InvariantCulture);

    static string Folder(string program) => Path.GetDirectoryName(Path.GetDirectoryName(Path.GetFullPath(program))) ?? ".";
}
