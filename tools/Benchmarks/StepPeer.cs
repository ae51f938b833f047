using System.Globalization;
using PerturbedForgetting.Tensors.Backends.Cpu.Compute;

namespace Benchmarks;

/// <summary>The program that makes the same training steps in turn with ours.</summary>
static class StepPeer
{
    // A peer whose kernels fit the processor reaches 60 % of the floor where products of matrices dominate; one that falls back to narrow
    // vectors or to plain loops, a third and less.
    const double FarBelow = 0.4;

    /// <summary>What makes LibTorch use the same instructions as we do: its own kernels, and those of oneDNN. Empty where we use the best
    /// there are.</summary>
    public static IReadOnlyDictionary<string, string> Variables(SimdKind kind) => kind switch
    {
        SimdKind.Avx512 => new Dictionary<string, string>(),
        SimdKind.Avx2 => new Dictionary<string, string> { ["ATEN_CPU_CAPABILITY"] = "avx2", ["ONEDNN_MAX_CPU_ISA"] = "AVX2" },
        _ => new Dictionary<string, string> { ["ATEN_CPU_CAPABILITY"] = "default", ["ONEDNN_MAX_CPU_ISA"] = "SSE41" },
    };

    /// <summary>Runs the program with MODEL BATCH PIXELS STEPS.</summary>
    public static StepProcess.Cost Measure(string program, StepWorkload workload, int steps) =>
        StepProcess.Measure(Variables(SimdLevel.Current), program, workload.PeerModel, $"{workload.Batch}", $"{workload.Pixels}",
            $"{steps}");

    /// <summary>Says so where the peer needs far more time than its arithmetic and its memory traffic must take: a ratio to it then says
    /// more about the peer than about us. Null where it runs well, or failed.</summary>
    /// <param name="floor">What a step must do.</param>
    /// <param name="roof">What the machine can do.</param>
    /// <param name="seconds">The peer's time of a step.</param>
    public static string? Remark(in StepFloor floor, StepRoof roof, double seconds)
    {
        double part = floor.Seconds(roof) / seconds, rate = 1e-9 * floor.Operations / seconds;
        return part < FarBelow
            ? string.Create(CultureInfo.InvariantCulture,
                $"THE PEER RUNS FAR BELOW THE ROOF: {rate:F0} of {1 / roof.Arithmetic:F0} GFLOP/s; its floor is {part:P0} of its time, so "
                + $"the ratio says more about its kernels on this processor than about ours")
            : null;
    }
}
