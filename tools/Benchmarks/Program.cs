using Benchmarks;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends.Cpu.Compute;

const string Usage = """
    usage: Benchmarks [--threads N] [--processor-time] [--peer COMMAND] [--rounds N] SUITE...
    suites: gemm, conv, elementwise, multi-tensor, norm, simulator, steps; conv:NAME, steps:NAME and simulator:NAME only for networks or kernels whose name begins so
    """;


var suites = new List<string>();
string? peer = null;
int rounds = 1;
for (int i = 0; i < args.Length; i++)
{
    if (args[i] == "--processor-time")
        Timing.ProcessorTime = true;
    else if (!args[i].StartsWith("--", StringComparison.Ordinal))
        suites.Add(args[i]);
    else if (args[i] == "--peer" && i + 1 < args.Length)
        peer = args[++i];
    else if (args[i] is "--threads" or "--rounds" && i + 1 < args.Length && int.TryParse(args[i + 1], out int number) && number > 0)
        _ = args[i++] == "--threads" ? Cpu.Threads = number : rounds = number;
    else
        return Fail($"{args[i]} is no option, or needs a value.");
}
if (suites.Count == 0)
    return Fail("No suite given.");

Console.WriteLine($"{Environment.ProcessorCount} processors, {Cpu.Threads} threads, {SimdLevel.Current} (of {SimdLevel.Supported})");
foreach (string suite in suites)
{
    string[] parts = suite.Split(':', 2);
    switch (parts[0])
    {
        case "gemm":
            GemmSuite.Run();
            break;
        case "elementwise":
            ElementwiseSuite.Run();
            break;
        case "conv":
            ConvSuite.Run(parts.Length > 1 ? parts[1] : "");
            break;
        case "multi-tensor":
            MultiTensorSuite.Run();
            break;
        case "norm":
            NormSuite.Run();
            break;
        case "simulator":
            SimulatorSuite.Run(parts.ElementAtOrDefault(1) ?? "");
            break;
        case "steps":
            StepSuite.Run(parts.Length > 1 ? parts[1] : "", peer, rounds);
            break;
        default:
            return Fail($"There is no suite '{suite}'.");
    }
}
return 0;

static int Fail(string message)
{
    Console.Error.WriteLine(message);
    Console.Error.WriteLine(Usage);
    return 2;
}
