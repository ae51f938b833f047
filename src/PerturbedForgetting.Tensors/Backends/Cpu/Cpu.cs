using PerturbedForgetting.Tensors.Backends.Cpu.Compute;

namespace PerturbedForgetting.Tensors;

/// <summary>Settings of the CPU device.</summary>
public static class Cpu
{
    /// <summary>Threads an operation may use, the calling one included; at first one a logical processor. Results do not depend on
    /// it.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Less than 1.</exception>
    public static int Threads
    {
        get => WorkerPool.Threads;
        set => WorkerPool.Threads = value;
    }
}
