using System.Numerics;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>Where a warp stands between two turns of its block's scheduler.</summary>
enum WarpState
{
    Running,
    /// <summary>Waits at a barrier.</summary>
    Waiting,
    Exited,
}

/// <summary>32 lanes that execute one instruction together. Its register file is laid out as <see cref="Instruction"/> says. Lanes that
/// took different ways wait on a stack and join where their ways meet (W. Fung et al., "Dynamic Warp Formation", MICRO 2007).</summary>
sealed unsafe partial class Warp(Block block, int index)
{
    public const int Lanes = 32;

    readonly record struct Waiting(int Next, int Reconvergence, uint Mask);

    readonly Stack<Waiting> stack = new(64);
    int reconvergence;

    /// <summary>The register file.</summary>
    public byte* Registers;

    /// <summary>Lanes that execute at <see cref="Next"/>.</summary>
    public uint Active;

    /// <summary>Lanes that exist and have not exited.</summary>
    public uint Alive;

    /// <summary>Index of the next instruction; the loop adds one before it calls a handler, which may overwrite it.</summary>
    public int Next;

    public WarpState State;

    /// <summary>Index of the warp in its block.</summary>
    public int Index => index;

    /// <summary>The block: shared memory, barriers, position in the grid.</summary>
    public Block Block => block;

    /// <summary>The worker that executes it: counters, memory, caches of allocation look-ups.</summary>
    public Worker Worker => block.Worker;

    /// <summary>Stands all lanes before the first instruction.</summary>
    public void Start(uint lanes)
    {
        stack.Clear();
        Active = Alive = lanes;
        Next = 0;
        reconvergence = PostDominators.None;
        State = WarpState.Running;
        Copies.Clear();
        Array.Clear(CopyGroups);
        Array.Clear(arrivals);
        undefined.Clear();
    }

    /// <summary>Runs until a barrier, the exit or the end of the turn.</summary>
    public void Run()
    {
        if (HasUndefined)
            Run<Watched>();
        else
            Run<Plain>();
    }

    /// <summary>Whether each instruction is looked at beforehand; known when the loop is compiled.</summary>
    interface ILooking
    {
        static abstract bool IsWatched { get; }
    }

    readonly struct Plain : ILooking
    {
        public static bool IsWatched => false;
    }

    readonly struct Watched : ILooking
    {
        public static bool IsWatched => true;
    }

    void Run<T>() where T : struct, ILooking
    {
        Worker worker = block.Worker;
        Instruction* code = worker.Code;
        long* executed = worker.Executed, lanes = worker.LanesExecuted;
        while (State == WarpState.Running)
        {
            int at = Next;
            if (at == reconvergence)
            {
                Join();
                continue;
            }
            Instruction* i = code + at;
            if (--worker.Turn < 0)
            {
                worker.EndTurn(this, i);
                return;
            }
            if (T.IsWatched)
                Watch(i, at);
            Next = at + 1;
            uint mask = Active;
            if (i->Guard >= 0)
                mask &= *(uint*)(Registers + i->Guard) ^ i->GuardFlip;
            executed[at]++;
            lanes[at] += BitOperations.PopCount(mask);
            if (mask != 0)
                i->Handler(this, i, mask);
        }
    }

    /// <summary>Sends the lanes of a mask to an instruction; the others go on behind the branch.</summary>
    public void Split(uint taken, int target, int meet)
    {
        if (taken == Active)
        {
            Next = target;
            return;
        }
        if (meet != PostDominators.None && meet != reconvergence)
            stack.Push(new Waiting(meet, reconvergence, Active));
        (Waiting first, Waiting second) = (new(target, meet, taken), new(Next, meet, Active & ~taken));
        if (Worker.Turns.FallsThroughFirst())
            (first, second) = (second, first);
        if (second.Next != meet)
            stack.Push(second);
        (Next, reconvergence, Active) = (first.Next, meet, first.Mask);
    }

    /// <summary>Ends lanes.</summary>
    public void Exit(uint mask)
    {
        Alive &= ~mask;
        Active &= ~mask;
        if (Active == 0)
            Join();
    }

    void Join()
    {
        while (stack.TryPop(out Waiting waiting))
        {
            Active = waiting.Mask & Alive;
            if (Active == 0)
                continue;
            Next = waiting.Next;
            reconvergence = waiting.Reconvergence;
            return;
        }
        Active = 0;
        State = WarpState.Exited;
    }

    /// <summary>The fault of a lane at an instruction.</summary>
    public DeviceFault Fault(Instruction* i, FaultKind kind, string text, int lane = -1) => block.Worker.Fault(i, kind, text, this, lane);

    /// <summary>The register of 32-bit lanes at an offset.</summary>
    public uint* Words(int offset) => (uint*)(Registers + offset);

    /// <summary>The register of 64-bit lanes at an offset.</summary>
    public ulong* Longs(int offset) => (ulong*)(Registers + offset);
}
