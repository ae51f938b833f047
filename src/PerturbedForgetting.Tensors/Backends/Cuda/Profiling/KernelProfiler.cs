using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Driver;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Profiling;

/// <summary>What a kernel declares, and how long it took where the device's clock means anything.</summary>
/// <param name="Kernel">The kernel.</param>
/// <param name="Family">Its family.</param>
/// <param name="Shape">The size in words.</param>
/// <param name="Elements">Elements of that size.</param>
/// <param name="LeastLoaded">Bytes an element that must be loaded.</param>
/// <param name="LeastStored">Bytes an element that must be stored.</param>
/// <param name="Registers">Registers of a thread.</param>
/// <param name="SharedBytes">Static shared memory of a block.</param>
/// <param name="LocalBytes">Local memory of a thread.</param>
/// <param name="Milliseconds">Mean of the launches between two events of the stream.</param>
public sealed record KernelProfile(string Kernel, string Family, string Shape, long Elements, double LeastLoaded, double LeastStored,
    int Registers, int SharedBytes, int LocalBytes, double Milliseconds);

/// <summary>Runs the project's kernels at usual sizes, on any device.</summary>
public sealed class KernelProfiler(CudaContext context) : IDisposable
{
    readonly KernelLibrary library = new(context);
    readonly CudaStream stream = context.CreateStream();

    /// <summary>Names of the kernels that have a workload.</summary>
    public static IReadOnlyList<string> Kernels { get; } = [.. KernelWorkloads.All.Select(w => w.Kernel)];

    /// <summary>Runs the workload of a kernel.</summary>
    /// <param name="kernel">One of <see cref="Kernels"/>.</param>
    /// <param name="launches">Launches that are measured.</param>
    /// <param name="isWarm">Launches once beforehand, so that loading does not count.</param>
    /// <exception cref="CudaException">The device refused, or the software GPU found a fault.</exception>
    public KernelProfile Run(string kernel, int launches = 1, bool isWarm = false)
    {
        KernelWorkload workload = KernelWorkloads.All.First(w => w.Kernel == kernel);
        using var memory = new WorkloadMemory(library, stream);
        using CudaEvent start = context.CreateEvent(CudaEventFlags.Default), end = context.CreateEvent(CudaEventFlags.Default);
        Action launch = workload.Prepare(memory);
        if (isWarm)
            launch();
        start.Record(stream);
        for (int i = 0; i < launches; i++)
            launch();
        end.Record(stream);
        stream.Synchronize();
        CudaKernel declared = library.Get(kernel);
        return new KernelProfile(kernel, workload.Family, workload.Shape, workload.Elements, workload.LeastLoaded, workload.LeastStored,
            declared.Registers, declared.SharedBytes, declared.LocalBytes, end.MillisecondsSince(start) / launches);
    }

    /// <summary>Unloads the kernels.</summary>
    public void Dispose()
    {
        library.Dispose();
        stream.Dispose();
    }
}
