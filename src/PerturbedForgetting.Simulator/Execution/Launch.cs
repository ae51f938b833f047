using System.Runtime.ExceptionServices;
using System.Text;
using PerturbedForgetting.Simulator.Memory;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>Extent of a grid or block.</summary>
public readonly record struct Extent(int X, int Y = 1, int Z = 1)
{
    /// <summary>Number of elements.</summary>
    public long Count => (long)X * Y * Z;

    /// <inheritdoc/>
    public override string ToString() => $"({X}, {Y}, {Z})";
}

/// <summary>One launch of a kernel: its blocks are spread over the processor's cores.</summary>
sealed unsafe class Launch
{
    readonly Extent grid, threads;
    long nextBlock;
    DeviceFault? fault;
    StringBuilder? printed;

    public Launch(KernelProgram program, DeviceMemory memory, Extent grid, Extent threads, int dynamicSharedBytes, byte* parameters,
        long operation = 0)
    {
        (Program, Memory, this.grid, this.threads, DynamicSharedBytes, Operation) =
            (program, memory, grid, threads, dynamicSharedBytes, operation);
        Parameters = parameters;
        ThreadsPerBlock = (int)threads.Count;
    }

    public KernelProgram Program { get; }

    public DeviceMemory Memory { get; }

    public int ThreadsPerBlock { get; }

    public int DynamicSharedBytes { get; }

    public byte* Parameters { get; }

    /// <summary>Number of the operation in its stream's order.</summary>
    public long Operation { get; }

    /// <summary>Allows sums of floating-point numbers by atomic operations, whose last bits depend on the order of arrival.</summary>
    public bool AllowsUnorderedSums { get; init; }

    /// <summary>What the blocks share for the order of their accesses.</summary>
    public LaunchOrder Order { get; private set; } = null!;

    public Extent Grid => grid;

    public Extent Threads => threads;

    /// <summary>Instructions of warps that a block may execute before it counts as endless.</summary>
    public long InstructionLimit { get; init; } = 1L << 32;

    /// <summary>How many blocks at each end of the grid are executed; null for all.</summary>
    public int? EdgeBlocks { get; init; }

    long Executed => EdgeBlocks is { } edge ? Math.Min(grid.Count, 2L * edge) : grid.Count;

    /// <summary>Null executes blocks and warps in the order of their numbers. A number draws an order for this launch.</summary>
    public int? ShuffleSeed { get; init; }

    /// <summary>Receives what the kernel prints, when the launch has ended.</summary>
    public TextWriter? Output { get; init; }

    /// <summary>What the orders of this launch are drawn from.</summary>
    public ulong? OrderSeed => ShuffleSeed is { } seed ? SplitMix.Mix(((ulong)(uint)seed << 32) ^ (ulong)Operation) : null;

    /// <summary>Place of a block in the grid.</summary>
    /// <param name="index">Its number among those that are executed.</param>
    public (int X, int Y, int Z) Place(long index)
    {
        if (EdgeBlocks is { } edge && index >= edge)
            index += grid.Count - Executed;
        return ((int)(index % grid.X), (int)(index / grid.X % grid.Y), (int)(index / ((long)grid.X * grid.Y)));
    }

    /// <summary>Place of a block in the grid, as text.</summary>
    public string PlaceText(long index)
    {
        (int x, int y, int z) = Place(index);
        return $"{x}, {y}, {z}";
    }

    /// <summary>Place of a thread in its block, as text.</summary>
    public string ThreadText(int index) => $"{index % threads.X}, {index / threads.X % threads.Y}, {index / (threads.X * threads.Y)}";

    /// <summary>Executes all blocks and adds what they did to the counters.</summary>
    /// <param name="counters">Receives the counts.</param>
    /// <param name="cores">Threads of the host to use.</param>
    /// <exception cref="DeviceFault">A check failed. Blocks that had begun may have written.</exception>
    public void Run(Counters counters, int cores)
    {
        long blocks = Executed;
        int workers = (int)Math.Min(blocks, cores);
        var results = new Counters[workers];
        Order = new LaunchOrder(Memory.NumberBlocks(blocks), workers > 1, Program.HasAtomics, Program.GranuleShift, AllowsUnorderedSums);
        if (workers == 1)
            Work(0, results, blocks);
        else
            Parallel.For(0, workers, new ParallelOptions { MaxDegreeOfParallelism = workers }, w => Work(w, results, blocks));
        Output?.Write(printed);
        if (fault is not null)
            ExceptionDispatchInfo.Throw(fault);
        foreach (Counters result in results)
            counters.Add(result);
        counters.Launches++;
        counters.Threads += blocks * ThreadsPerBlock;
    }

    /// <summary>A thread prints.</summary>
    public void Print(string text)
    {
        if (printed is null)
            Interlocked.CompareExchange(ref printed, new StringBuilder(), null);
        lock (printed)
            printed.Append(text);
    }

    void Work(int index, Counters[] results, long blocks)
    {
        using var worker = new Worker(this);
        BlockOrder? order = OrderSeed is { } seed ? new BlockOrder(blocks, seed) : null;
        try
        {
            for (long b = Interlocked.Increment(ref nextBlock) - 1; b < blocks; b = Interlocked.Increment(ref nextBlock) - 1)
                worker.Run(order?[b] ?? b);
        }
        catch (DeviceFault found)
        {
            Interlocked.CompareExchange(ref fault, found, null);
            Interlocked.Exchange(ref nextBlock, long.MaxValue / 2);
        }
        results[index] = new Counters();
        results[index].Add(Program, new Span<long>(worker.Executed, Program.Length), new Span<long>(worker.LanesExecuted, Program.Length));
        results[index].Add(worker.Counters);
    }
}
