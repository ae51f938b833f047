using System.Runtime.InteropServices;
using PerturbedForgetting.Simulator.Execution;
using PerturbedForgetting.Simulator.Memory;

namespace PerturbedForgetting.Tests.Simulator;

/// <summary>A software GPU without a driver before it: memory, one module, launches.</summary>
sealed unsafe class Device : IDisposable
{
    readonly DeviceModule module;
    readonly bool isMemoryOwned;

    /// <param name="ptx">The module.</param>
    /// <param name="memory">Memory of another device, which this one shares; its own when null.</param>
    public Device(string ptx, DeviceMemory? memory = null)
    {
        isMemoryOwned = memory is null;
        Memory = memory ?? new DeviceMemory(1L << 30);
        module = DeviceModule.Load("test", ptx, Memory);
    }

    /// <summary>A kernel written without its head: parameters and body are given.</summary>
    public static Device OfKernel(string parameters, string body, string declarations = "", DeviceMemory? memory = null) =>
        new(Kernel(parameters, body, declarations), memory);

    /// <summary>A module of one kernel, <c>k</c>.</summary>
    public static string Kernel(string parameters, string body, string declarations = "") =>
        $".version 7.8\n.target sm_80\n.address_size 64\n{declarations}\n.visible .entry k({parameters})\n{{\n{body}\n}}\n";

    /// <summary>Other numbers in every run; the seed is printed.</summary>
    public static Random Random()
    {
        int seed = Environment.TickCount;
        TestContext.Out.WriteLine($"seed {seed}");
        return new Random(seed);
    }

    public DeviceMemory Memory { get; }

    public Counters Counters { get; } = new();

    /// <summary>What kernels printed.</summary>
    public StringWriter Printed { get; } = new();

    /// <summary>Number of the next launch among the operations of all streams.</summary>
    public long Operation { get; set; }

    /// <summary>Lets kernels add floating-point numbers by atomic operations.</summary>
    public bool AllowsUnorderedSums { get; init; }

    /// <summary>Chooses the order of blocks and warps; null for that of their numbers.</summary>
    public int? ShuffleSeed { get; init; }

    /// <summary>Threads of the host that execute blocks.</summary>
    public int Workers { get; init; } = 2;

    /// <summary>A compiled kernel.</summary>
    public KernelProgram Program(string kernel)
    {
        Assert.That(module.TryFindKernel(kernel, out KernelProgram program), kernel);
        return program;
    }

    /// <summary>Uploads an array.</summary>
    public ulong Upload<T>(params ReadOnlySpan<T> values) where T : unmanaged
    {
        ulong address = Allocate(values.Length * sizeof(T));
        values.CopyTo(new Span<T>((void*)address, values.Length));
        Memory.Find(address)!.MarkWritten(address, values.Length * sizeof(T));
        return address;
    }

    /// <summary>Memory that was never written.</summary>
    public ulong Allocate(long bytes) => Memory.Allocate(bytes)!.Start;

    public T[] Download<T>(ulong address, int count) where T : unmanaged => new ReadOnlySpan<T>((void*)address, count).ToArray();

    /// <summary>Launches a kernel with arguments of 8 bytes each, or 4 for <see cref="int"/> and <see cref="float"/>.</summary>
    public void Launch(string kernel, Extent grid, Extent threads, params object[] arguments) =>
        Launch(kernel, grid, threads, 0, arguments);

    /// <summary>Launches one thread that may execute so many instructions.</summary>
    public void LaunchLimited(string kernel, long instructions, params object[] arguments) =>
        Launch(kernel, new Extent(1), new Extent(1), 0, arguments, instructions);

    public void Launch(string kernel, Extent grid, Extent threads, int dynamicShared, object[] arguments, long instructionLimit = 1L << 32)
    {
        KernelProgram program = Program(kernel);
        var parameters = new byte[program.ParameterBytes + 16];
        for (int i = 0; i < arguments.Length; i++)
        {
            Span<byte> place = parameters.AsSpan(program.Parameters[i].Offset);
            switch (arguments[i])
            {
                case ulong value: MemoryMarshal.Write(place, value); break;
                case long value: MemoryMarshal.Write(place, value); break;
                case int value: MemoryMarshal.Write(place, value); break;
                case uint value: MemoryMarshal.Write(place, value); break;
                case float value: MemoryMarshal.Write(place, value); break;
                default: throw new ArgumentException(arguments[i].ToString());
            }
        }
        fixed (byte* pointer = parameters)
        {
            new PerturbedForgetting.Simulator.Execution.Launch(program, Memory, grid, threads, dynamicShared, pointer, Operation)
            {
                InstructionLimit = instructionLimit,
                AllowsUnorderedSums = AllowsUnorderedSums,
                ShuffleSeed = ShuffleSeed,
                Output = Printed,
            }.Run(Counters, Workers);
        }
    }

    public void Dispose()
    {
        module.Dispose();
        if (isMemoryOwned)
            Memory.Dispose();
    }
}
