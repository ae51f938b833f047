namespace PerturbedForgetting.Simulator.Execution;

/// <summary>The special registers of PTX that a kernel may read.</summary>
static class SpecialRegisters
{
    static readonly string[] narrow =
    [
        "%tid.x", "%tid.y", "%tid.z", "%ntid.x", "%ntid.y", "%ntid.z", "%ctaid.x", "%ctaid.y", "%ctaid.z",
        "%nctaid.x", "%nctaid.y", "%nctaid.z", "%laneid", "%warpid", "%nwarpid",
        "%lanemask_eq", "%lanemask_le", "%lanemask_lt", "%lanemask_ge", "%lanemask_gt", "%dynamic_smem_size",
    ];

    public static string Names => string.Join(", ", narrow);

    public static bool IsKnown(string name) => narrow.Contains(name);

    /// <summary>True for a 64-bit special register.</summary>
    public static bool IsWide(string name) => false;
}
