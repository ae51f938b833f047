namespace PerturbedForgetting.Simulator.Execution;

/// <summary>The special registers of PTX that a kernel may read (PTX ISA, "Special Registers").</summary>
static unsafe class SpecialRegisters
{
    static readonly string[] narrow =
    [
        "%tid.x", "%tid.y", "%tid.z", "%ntid.x", "%ntid.y", "%ntid.z", "%ctaid.x", "%ctaid.y", "%ctaid.z",
        "%nctaid.x", "%nctaid.y", "%nctaid.z", "%laneid", "%warpid", "%nwarpid",
        "%lanemask_eq", "%lanemask_le", "%lanemask_lt", "%lanemask_ge", "%lanemask_gt", "%dynamic_smem_size", "%total_smem_size",
    ];

    public static string Names => string.Join(", ", narrow);

    public static bool IsKnown(string name) => narrow.Contains(name);

    /// <summary>True for a 64-bit special register.</summary>
    public static bool IsWide(string name) => false;

    /// <summary>Sets the register of a warp; the place of the block is set when the block begins.</summary>
    public static void Fill(string name, Warp warp, Launch launch, uint* lanes)
    {
        Extent threads = launch.Threads, grid = launch.Grid;
        for (int lane = 0; lane < Warp.Lanes; lane++)
        {
            int thread = (warp.Index * Warp.Lanes) + lane;
            uint own = 1u << lane;
            lanes[lane] = name switch
            {
                "%tid.x" => (uint)(thread % threads.X),
                "%tid.y" => (uint)(thread / threads.X % threads.Y),
                "%tid.z" => (uint)(thread / (threads.X * threads.Y)),
                "%ntid.x" => (uint)threads.X,
                "%ntid.y" => (uint)threads.Y,
                "%ntid.z" => (uint)threads.Z,
                "%nctaid.x" => (uint)grid.X,
                "%nctaid.y" => (uint)grid.Y,
                "%nctaid.z" => (uint)grid.Z,
                "%laneid" => (uint)lane,
                "%warpid" => (uint)warp.Index,
                "%nwarpid" => (uint)((launch.ThreadsPerBlock + 31) / 32),
                "%lanemask_eq" => own,
                "%lanemask_lt" => own - 1,
                "%lanemask_le" => own | (own - 1),
                "%lanemask_gt" => ~(own | (own - 1)),
                "%lanemask_ge" => ~(own - 1),
                "%dynamic_smem_size" => (uint)launch.DynamicSharedBytes,
                "%total_smem_size" => (uint)(launch.Program.SharedBytes + launch.DynamicSharedBytes),
                _ => 0,
            };
        }
    }
}
