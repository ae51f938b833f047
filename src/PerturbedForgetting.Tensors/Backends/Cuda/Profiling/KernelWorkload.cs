namespace PerturbedForgetting.Tensors.Backends.Cuda.Profiling;

/// <summary>One kernel at one size, for profiles: on the software GPU, and under a profiler on a real one.</summary>
/// <param name="Kernel">The kernel whose launch is looked at.</param>
/// <param name="Family">Folder of <c>kernels/</c>.</param>
/// <param name="Shape">The size in words.</param>
/// <param name="Elements">Elements by which the counts are divided.</param>
/// <param name="LeastLoaded">Bytes an element that any implementation must load.</param>
/// <param name="LeastStored">Bytes an element that any implementation must store.</param>
/// <param name="Prepare">Makes the arrays and returns what launches the kernel.</param>
sealed record KernelWorkload(string Kernel, string Family, string Shape, long Elements, double LeastLoaded, double LeastStored,
    Func<WorkloadMemory, Action> Prepare);
