namespace PerturbedForgetting.Cuda.Cards;

/// <summary>What bounds the time of a launch from below.</summary>
public enum Roof
{
    /// <summary>The bytes that it moves.</summary>
    Memory,

    /// <summary>Its multiplications and additions.</summary>
    Compute,

    /// <summary>That it is a launch at all.</summary>
    Launch,
}

/// <summary>The least time that a launch takes.</summary>
/// <param name="Microseconds">That time.</param>
/// <param name="Roof">What needs it.</param>
public readonly record struct LeastTime(double Microseconds, Roof Roof);

/// <summary>
/// The least time of launches on a card (Williams, Waterman, Patterson: "Roofline", 2009): the longest of bytes over bandwidth, operations
/// over the peak of the units that execute them, and what a launch takes that does nothing. No cache is counted on: bytes are those that a
/// launch must move between the device's memory and the chip when it begins with empty caches.
/// </summary>
/// <param name="Card">The card.</param>
/// <param name="AllowsTf32">Whether NVIDIA's libraries round float32 operands to TF32.</param>
public sealed record Roofline(Card Card, bool AllowsTf32 = true)
{
    /// <summary>Microseconds of a node of a graph, the gap between kernels that follow each other in it: 3.4 less the 2.9 of the kernel
    /// itself in A. Gray, "Getting Started with CUDA Graphs", NVIDIA Technical Blog, 2019.</summary>
    public const double NodeMicroseconds = 0.5;

    /// <summary>Microseconds in which a host puts one kernel after the other on a stream: launches of empty kernels take about 3 ("Too much
    /// time for kernel launch latency?", NVIDIA's developer forum, 2022).</summary>
    public const double LaunchMicroseconds = 3;

    /// <summary>10¹² multiplications and additions a second of the units that a launch of a name computes with.</summary>
    public double PeakOf(string name) =>
        name.Contains("bf16", StringComparison.Ordinal) ? Card.Bfloat16
        : name.Contains("tf32", StringComparison.Ordinal) || (AllowsTf32 && IsLibrary(name)) ? Card.Tf32
        : Card.Float32;

    /// <summary>The least time of a launch.</summary>
    /// <param name="name">As an <see cref="ILaunchObserver"/> sees it.</param>
    /// <param name="cost">What it costs at the least.</param>
    public LeastTime Of(string name, in LaunchCost cost)
    {
        double memory = cost.Bytes / (1e3 * Card.Bandwidth), compute = cost.Operations / (1e6 * PeakOf(name));
        return Math.Max(memory, compute) < NodeMicroseconds ? new(NodeMicroseconds, Roof.Launch)
            : memory >= compute ? new(memory, Roof.Memory)
            : new(compute, Roof.Compute);
    }

    static bool IsLibrary(string name) =>
        name.StartsWith("cublas", StringComparison.Ordinal) || name.StartsWith("cudnn", StringComparison.Ordinal);
}
