namespace PerturbedForgetting.Simulator.Execution;

/// <summary>Where a warp stands between two turns of its block's scheduler.</summary>
enum WarpState
{
    Running,
    /// <summary>Waits at a barrier.</summary>
    Waiting,
    Exited,
}

/// <summary>32 lanes that execute one instruction together. Its register file is laid out as <see cref="Instruction"/> says.</summary>
sealed unsafe partial class Warp
{
    public const int Lanes = 32;

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
    public int Index;

    /// <summary>The block that is being executed: shared memory, barriers, position in the grid.</summary>
    public Block Block = null!;

    /// <summary>The worker that executes it: counters, memory, caches of allocation look-ups.</summary>
    public Worker Worker = null!;
}
