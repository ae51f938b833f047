using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Profiling;

/// <summary>What a kernel declares, and how long it took where the device's clock means anything.</summary>
/// <param name="Kernel">The kernel.</param>
/// <param name="Family">Its family.</param>
/// <param name="Shape">The size in words.</param>
/// <param name="Elements">Elements of that size.</param>
/// <param name="LeastLoaded">Bytes an element that must be loaded.</param>
/// <param name="LeastStored">Bytes an element that must be stored.</param>
/// <param name="Operations">Multiplications and additions an element; 0 where memory is the limit.</param>
/// <param name="Registers">Registers of a thread; 0, like the next two, for what a library does.</param>
/// <param name="SharedBytes">Static shared memory of a block.</param>
/// <param name="LocalBytes">Local memory of a thread.</param>
/// <param name="Milliseconds">Median of the launches, each between two events of the stream.</param>
public sealed record KernelProfile(string Kernel, string Family, string Shape, long Elements, double LeastLoaded, double LeastStored,
    double Operations,
    int Registers, int SharedBytes, int LocalBytes, double Milliseconds)
{
    /// <summary>What the launches said that they cost, all together.</summary>
    internal LaunchCost Stated { get; init; }

    /// <summary>What one pass must move and compute.</summary>
    public LaunchCost LeastCost => new((long)(Elements * LeastLoaded), (long)(Elements * LeastStored), (long)(Elements * Operations));

    /// <summary>10⁹ bytes a second, of those that must be moved.</summary>
    public double GigabytesPerSecond => Elements * (LeastLoaded + LeastStored) / Milliseconds / 1e6;

    /// <summary>10¹² operations a second; 0 where memory is the limit.</summary>
    public double Teraflops => Elements * Operations / Milliseconds / 1e9;
}
