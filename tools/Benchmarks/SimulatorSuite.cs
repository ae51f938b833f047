using System.Runtime.InteropServices;
using PerturbedForgetting.Simulator.Execution;
using PerturbedForgetting.Simulator.Memory;
using PerturbedForgetting.Tensors.Backends.Cuda;

namespace Benchmarks;

/// <summary>How fast the software GPU interprets the project's kernels, with every check on: lane-instructions a second.</summary>
static unsafe class SimulatorSuite
{
    const int Tiles = 256, TileLength = 32768, TileBytes = 24;

    public static void Run()
    {
        Console.WriteLine($"{"kernel",-24} {"instructions",12} {"ms",8} {"million/s",10} {"a core",8}");
        using var memory = new DeviceMemory(4L << 30);
        ulong weights = Allocate(memory, 4L * Tiles * TileLength), gradient = Allocate(memory, 4L * Tiles * TileLength), perturbed = Allocate(memory, 4L * Tiles * TileLength);
        ulong numbers = Allocate(memory, 64), partials = Allocate(memory, 24 * Tiles), tiles = Allocate(memory, TileBytes * Tiles);
        for (int t = 0; t < Tiles; t++)
        {
            *(long*)(tiles + (ulong)(t * TileBytes)) = (long)t * TileLength;
            *(int*)(tiles + (ulong)(t * TileBytes) + 8) = TileLength;
            *(int*)(tiles + (ulong)(t * TileBytes) + 12) = 1;
        }
        Measure(memory, "squared_norm", "squared_norm", partials, gradient, weights, 0ul, tiles);
        Measure(memory, "step_along", "step_along", perturbed, weights, gradient, 0ul, numbers, numbers, 1.0, tiles);
    }

    static ulong Allocate(DeviceMemory memory, long bytes)
    {
        Allocation allocation = memory.Allocate(bytes)!;
        NativeMemory.Clear((void*)allocation.Start, (nuint)bytes);
        allocation.MarkWritten(allocation.Start, bytes);
        return allocation.Start;
    }

    static void Measure(DeviceMemory memory, string file, string name, params ReadOnlySpan<object> arguments)
    {
        using DeviceModule module = DeviceModule.Load(file, System.Text.Encoding.UTF8.GetString(KernelLibrary.ReadImage(file)), memory);
        module.TryFindKernel(name, out KernelProgram kernel);
        byte* parameters = stackalloc byte[kernel.ParameterBytes + 8];
        for (int i = 0; i < arguments.Length; i++)
            *(ulong*)(parameters + kernel.Parameters[i].Offset) = arguments[i] is double number ? BitConverter.DoubleToUInt64Bits(number) : (ulong)arguments[i];
        byte* block = parameters;
        long instructions = Count(memory, kernel, block);
        double seconds = Timing.Alternate(5, () => Count(memory, kernel, block))[0].Minimum;
        Console.WriteLine(FormattableString.Invariant(
            $"{name,-24} {instructions,12:N0} {seconds * 1e3,8:0.0} {instructions / seconds / 1e6,10:0} {instructions / seconds / 1e6 / Environment.ProcessorCount,8:0}"));
    }

    static long Count(DeviceMemory memory, KernelProgram kernel, byte* parameters)
    {
        var counters = new Counters();
        new Launch(kernel, memory, new Extent(Tiles), new Extent(256), 0, parameters).Run(counters, Environment.ProcessorCount);
        return counters.LaneInstructions;
    }
}
