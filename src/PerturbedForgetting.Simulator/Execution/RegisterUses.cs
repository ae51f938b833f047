using PerturbedForgetting.Simulator.Ptx;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>Which registers each instruction of the text reads and writes.</summary>
/// <param name="accesses">All accesses, in the order of the instructions.</param>
/// <param name="plan">Where the registers are.</param>
/// <param name="instructions">The instructions of the text with the index of the first decoded instruction of each.</param>
sealed class RegisterUses(IReadOnlyList<RegisterAccess> accesses, RegisterPlan plan,
    IReadOnlyList<(int At, PtxInstruction Source)> instructions)
{
    readonly ILookup<int, (int Offset, bool IsWritten)> uses =
        accesses.ToLookup(static a => a.At, a => (plan.Offset(a.Register), a.IsWritten));

    // One that is decoded to nothing has the index of the next.
    readonly Dictionary<int, PtxInstruction> sources =
        instructions.GroupBy(static i => i.At).ToDictionary(static g => g.Key, static g => g.Last().Source);

    /// <summary>The instruction of the text whose first step is the one of this index; null for its other steps.</summary>
    public PtxInstruction? Source(int at) => sources.GetValueOrDefault(at);

    /// <summary>The places that it reads and writes.</summary>
    public IEnumerable<(int Offset, bool IsWritten)> Of(int at) => uses[at];
}
