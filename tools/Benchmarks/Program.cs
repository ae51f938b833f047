using Benchmarks;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends.Cpu.Compute;

const string Usage = "usage: Benchmarks [--threads N] [--processor-time] SUITE...   suites: gemm, conv (conv:NAME for the networks whose name begins so), elementwise, multi-tensor, norm";

var suites = new List<string>();
for (int i = 0; i < args.Length; i++)
{
    if (args[i] == "--processor-time")
        Timing.ProcessorTime = true;
    else if (args[i] != "--threads")
        suites.Add(args[i]);
    else if (i + 1 < args.Length && int.TryParse(args[++i], out int threads) && threads > 0)
        Cpu.Threads = threads;
    else
        return Fail("--threads needs a number of 1 or more.");
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
