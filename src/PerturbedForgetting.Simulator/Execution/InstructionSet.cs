using PerturbedForgetting.Simulator.Ptx;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>One opcode that the software GPU knows.</summary>
/// <param name="Opcode">First word of the mnemonic.</param>
/// <param name="Forms">The forms that are executed, as in the PTX ISA's syntax; shown in error messages and in the documentation.</param>
/// <param name="Lower">Turns an instruction into decoded ones, or throws <see cref="PtxException"/> with what is not known.</param>
sealed record InstructionFamily(string Opcode, string Forms, Action<Lowering, PtxInstruction> Lower);

/// <summary>Every opcode that the software GPU executes.</summary>
static class InstructionSet
{
    static readonly Dictionary<string, InstructionFamily> families = Build();

    /// <summary>All families, sorted by opcode.</summary>
    public static IEnumerable<InstructionFamily> Families => families.Values.OrderBy(family => family.Opcode, StringComparer.Ordinal);

    public static bool TryFind(string opcode, out InstructionFamily family) => families.TryGetValue(opcode, out family!);

    static Dictionary<string, InstructionFamily> Build()
    {
        IEnumerable<InstructionFamily>[] files =
        [
            ArithmeticInstructions.Families, CarryInstructions.Families, DotProductInstructions.Families, LogicInstructions.Families,
                BitFieldInstructions.Families, CompareInstructions.Families, MoveInstructions.Families, ConvertInstructions.Families,
            SpecialFunctionInstructions.Families, ControlInstructions.Families, MemoryInstructions.Families, AtomicInstructions.Families,
            AsyncCopyInstructions.Families, WarpInstructions.Families, MatrixInstructions.Families, MatrixLoadInstructions.Families,
        ];
        return files.SelectMany(file => file).ToDictionary(family => family.Opcode);
    }
}
