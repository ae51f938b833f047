namespace PerturbedForgetting.Tensors.Backends.Cuda.Profiling;

/// <summary>One kernel at one size, for profiles: on the software GPU, and on a real one.</summary>
/// <param name="Kernel">The kernel whose launch is looked at.</param>
/// <param name="Family">Folder of <c>kernels/</c>.</param>
/// <param name="Shape">The size in words.</param>
/// <param name="Elements">Elements by which the counts are divided.</param>
/// <param name="LeastLoaded">Bytes an element that any implementation must load.</param>
/// <param name="LeastStored">Bytes an element that any implementation must store.</param>
/// <param name="Prepare">Makes the arrays and returns what launches the kernel.</param>
sealed record KernelWorkload(string Kernel, string Family, string Shape, long Elements, double LeastLoaded, double LeastStored,
    Func<WorkloadMemory, Action> Prepare)
{
    /// <summary>Multiplications and additions an element of a kernel that is bound by them; 0 for one that is bound by memory.</summary>
    public double Operations { get; init; }
}
