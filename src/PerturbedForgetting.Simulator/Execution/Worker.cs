using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using PerturbedForgetting.Simulator.Memory;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>A thread of the host that executes blocks of one launch, with its own counters and look-up caches.</summary>
sealed unsafe class Worker : IDisposable
{
    readonly Launch launch;
    readonly Block block;
    readonly byte* registers;
    readonly AccessPattern** patterns;
    readonly (int Offset, char Axis)[] blockPlaces;
    long budget;

    public Worker(Launch launch)
    {
        this.launch = launch;
        KernelProgram program = launch.Program;
        Code = program.Instructions;
        Executed = (long*)NativeMemory.AllocZeroed((nuint)program.Length, sizeof(long));
        LanesExecuted = (long*)NativeMemory.AllocZeroed((nuint)program.Length, sizeof(long));
        patterns = (AccessPattern**)NativeMemory.AllocZeroed((nuint)(2 * program.Length), (nuint)sizeof(AccessPattern*));
        Nearby = new Allocation?[program.Length];
        block = new Block(this, launch.ThreadsPerBlock);
        Turns = new Turns(block.Warps.Length, launch.OrderSeed);
        nuint size = (nuint)Math.Max(program.RegisterBytes, 64);
        registers = (byte*)NativeMemory.AlignedAlloc(size * (nuint)block.Warps.Length, 64);
        // A register that is read before it was written holds NaN, so that the mistake shows.
        NativeMemory.Fill(registers, size * (nuint)block.Warps.Length, 0xff);
        Shared = new SharedMemory(program.SharedBytes, launch.DynamicSharedBytes, block.Warps.Length);
        Watch = new GlobalWatch(launch.Order, Shared.Order, launch.PlaceText);
        Local = new LocalMemory(program.LocalBytes, launch.ThreadsPerBlock);
        foreach (Warp warp in block.Warps)
        {
            warp.Registers = registers + (size * (nuint)warp.Index);
            foreach ((int offset, byte[] bytes) in program.Constants)
                bytes.CopyTo(new Span<byte>(warp.Registers + offset, bytes.Length));
            foreach ((string name, int offset) in program.SpecialRegisters)
                SpecialRegisters.Fill(name, warp, launch, warp.Words(offset));
        }
        blockPlaces = [.. program.SpecialRegisters.Where(s => s.Name.StartsWith("%ctaid.", StringComparison.Ordinal))
            .Select(s => (s.Offset, s.Name[^1]))];
    }

    public Instruction* Code { get; }

    /// <summary>Executions of each instruction by warps, and by lanes.</summary>
    public long* Executed { get; }
    public long* LanesExecuted { get; }

    /// <summary>Instructions that the warp whose turn it is may still execute.</summary>
    public long Turn;

    /// <summary>In what order the warps have their turns.</summary>
    public Turns Turns { get; }

    /// <summary>The allocation that each instruction last touched.</summary>
    public Allocation?[] Nearby { get; }

    public MemoryCounters Counters;

    /// <summary>How the addresses of an instruction lie; the second of its two slots is for an access with two places.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public AccessPattern* Pattern(Instruction* i, ulong* addresses, uint mask, int bytes, int slot = 0)
    {
        AccessPattern* pattern = patterns[(2 * i->Location) + slot];
        if (pattern == null)
            patterns[(2 * i->Location) + slot] = pattern = (AccessPattern*)NativeMemory.AllocZeroed((nuint)sizeof(AccessPattern));
        AccessPattern.Update(pattern, addresses, mask, bytes);
        return pattern;
    }

    public SharedMemory Shared { get; }

    public LocalMemory Local { get; }

    /// <summary>Finds races in global memory.</summary>
    public GlobalWatch Watch { get; }

    public DeviceMemory Memory => launch.Memory;

    /// <inheritdoc cref="Launch.AllowsUnorderedSums"/>
    public bool AllowsUnorderedSums => launch.AllowsUnorderedSums;

    /// <summary>The kernel's arguments.</summary>
    public byte* Parameters => launch.Parameters;

    public KernelProgram Program => launch.Program;

    /// <summary>The launch, as an operation of its stream.</summary>
    public long Operation => launch.Operation;

    /// <summary>Executes a block of the grid.</summary>
    public void Run(long index)
    {
        (block.X, block.Y, block.Z) = launch.Place(index);
        foreach ((int offset, char axis) in blockPlaces)
        {
            int value = axis switch { 'x' => block.X, 'y' => block.Y, _ => block.Z };
            foreach (Warp warp in block.Warps)
                new Span<int>(warp.Words(offset), Warp.Lanes).Fill(value);
        }
        Shared.NextBlock();
        Watch.NextBlock(index);
        Local.NextBlock();
        budget = launch.InstructionLimit;
        Turns.NextBlock(index);
        block.Run();
    }

    /// <summary>Lets a warp execute until its turn ends, or a barrier or the exit comes before.</summary>
    public void RunTurn(Warp warp)
    {
        Turn = Math.Min(Turns.NextLength(), budget);
        budget -= Turn;
        warp.Run();
        budget += Turn;
    }

    /// <summary>Ends the turn behind the instruction that executes.</summary>
    public void StopTurn()
    {
        budget += Turn;
        Turn = 0;
    }

    /// <summary>A warp's turn has ended before an instruction.</summary>
    public void EndTurn(Warp warp, Instruction* i)
    {
        Turn = 0;
        if (budget == 0)
            throw Fault(i, FaultKind.Timeout,
                "the launch has executed as many instructions as the watchdog allows; is there an endless loop?", warp, -1);
    }

    /// <summary>A thread prints.</summary>
    public void Print(string text) => launch.Print(text);

    /// <summary>A fault with the place where it happened.</summary>
    public DeviceFault Fault(Instruction* i, FaultKind kind, string text, Warp warp, int lane)
    {
        Ptx.PtxLocation location = Program.Locations[i->Location];
        string source = location.Source is null ? "" : $" ({location.Source})";
        string thread = lane < 0 ? "" : $", thread ({launch.ThreadText((warp.Index * Warp.Lanes) + lane)})";
        return new DeviceFault(kind,
            $"{Program.Name}: {Program.Module}.ptx:{location.Line}{source}: block ({block.X}, {block.Y}, {block.Z}){thread}: {text}");
    }

    public void Dispose()
    {
        for (int p = 0; p < 2 * Program.Length; p++)
            NativeMemory.Free(patterns[p]);
        NativeMemory.Free(patterns);
        NativeMemory.Free(Executed);
        NativeMemory.Free(LanesExecuted);
        NativeMemory.AlignedFree(registers);
        Shared.Dispose();
        Local.Dispose();
    }
}
