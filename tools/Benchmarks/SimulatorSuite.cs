using System.Runtime.InteropServices;
using PerturbedForgetting.Simulator.Execution;
using PerturbedForgetting.Simulator.Memory;
using PerturbedForgetting.Tensors.Backends.Cuda;

namespace Benchmarks;

/// <summary>How fast the software GPU interprets the project's kernels, with every check on: lane-instructions a second.</summary>
sealed unsafe class SimulatorSuite(SuiteOptions options, Figures figures, DeviceMemory memory)
{
    const int MatrixSize = 512, Tiles = 256, TileLength = 32768, TileBytes = 24;

    public static void Run(SuiteOptions options, Figures figures)
    {
        Console.WriteLine($"{"kernel",-24} {"instructions",12} {"ms",8} {(Timing.ProcessorTime ? "M/s a core" : "M/s"),10}");
        using var memory = new DeviceMemory(4L << 30);
        new SimulatorSuite(options, figures, memory).Run();
    }

    void Run()
    {
        ulong weights = Allocate(4L * Tiles * TileLength), gradient = Allocate(4L * Tiles * TileLength),
            perturbed = Allocate(4L * Tiles * TileLength);
        ulong numbers = Allocate(64), partials = Allocate(24 * Tiles), tiles = Allocate(TileBytes * Tiles);
        for (int t = 0; t < Tiles; t++)
        {
            *(long*)(tiles + (ulong)(t * TileBytes)) = (long)t * TileLength;
            *(int*)(tiles + (ulong)(t * TileBytes) + 8) = TileLength;
            *(int*)(tiles + (ulong)(t * TileBytes) + 12) = 1;
        }
        Extent all = new(Tiles), threads = new(256);
        Measure("squared_norm", "squared_norm", all, threads, 0, numbers, partials, gradient, weights, 0, tiles);
        Measure("step_along", "step_along", all, threads, 0, perturbed, weights, gradient, 0, numbers, numbers, 1.0, 0ul, tiles);
        foreach (string product in (string[])["gemm_nn", "gemm_tf32_nn"])
            Measure(product, product, new Extent(MatrixSize / 128, MatrixSize / 128), threads, 0, perturbed, weights, gradient, 0ul,
                MatrixSize,
                MatrixSize, 128, 128ul, (ulong)MatrixSize, 0ul, 0ul, 0ul, 0, 3);
        Measure("softmax", "softmax", new Extent(1024), threads, 4000, perturbed, weights, 1024ul, 1000);
        Measure("softmax", "softmax_backward", new Extent(1024), threads, 8000, perturbed, weights, gradient, 1024ul, 1000, 1);
    }

    ulong Allocate(long bytes)
    {
        Allocation allocation = memory.Allocate(bytes)!;
        NativeMemory.Clear((void*)allocation.Start, (nuint)bytes);
        allocation.MarkWritten(allocation.Start, bytes);
        return allocation.Start;
    }

    void Measure(string file, string name, Extent grid, Extent threads, int shared, params ReadOnlySpan<object> arguments)
    {
        if (!options.Includes(name))
            return;
        using DeviceModule module = DeviceModule.Load(file, System.Text.Encoding.UTF8.GetString(KernelFiles.Used.Read(file)), memory);
        module.TryFindKernel(name, out KernelProgram kernel);
        byte* block = stackalloc byte[kernel.ParameterBytes];
        Put(kernel, arguments, block);
        long instructions = Count(kernel, grid, threads, shared, block);
        var time = Timing.Alternate(5, () => Count(kernel, grid, threads, shared, block))[0];
        figures.Add($"simulator/{name}", time);
        Console.WriteLine(FormattableString.Invariant(
            $"{name,-24} {instructions,12:N0} {time.Minimum * 1e3,8:0.0} {instructions / time.Minimum / 1e6,10:0}"));
    }

    /// <summary>Puts the arguments where the kernel expects them.</summary>
    /// <exception cref="InvalidDataException">It expects others: the kernel has changed, and this suite has not.</exception>
    static void Put(KernelProgram kernel, ReadOnlySpan<object> arguments, byte* block)
    {
        if (arguments.Length != kernel.Parameters.Length)
            throw new InvalidDataException($"{kernel.Name} takes {kernel.Parameters.Length} arguments, not {arguments.Length}");
        for (int i = 0; i < arguments.Length; i++)
        {
            int size = arguments[i] is int ? sizeof(int) : sizeof(ulong);
            if (kernel.Parameters[i].Size != size)
                throw new InvalidDataException($"argument {i + 1} of {kernel.Name} has {kernel.Parameters[i].Size} bytes, not {size}");
            byte* place = block + kernel.Parameters[i].Offset;
            switch (arguments[i])
            {
                case int number: *(int*)place = number; break;
                case double number: *(double*)place = number; break;
                default: *(ulong*)place = (ulong)arguments[i]; break;
            }
        }
    }

    long Count(KernelProgram kernel, Extent grid, Extent threads, int shared, byte* parameters)
    {
        var counters = new Counters();
        new Launch(kernel, memory, grid, threads, shared, parameters).Run(counters, Environment.ProcessorCount);
        return counters.LaneInstructions;
    }
}
