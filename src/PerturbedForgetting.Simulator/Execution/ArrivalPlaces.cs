using PerturbedForgetting.Simulator.Ptx;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>
/// Finds stores whose place depends on the order in which threads arrive while what they store does not: a thread takes the next number of
/// a counter and puts its part of a result there, so that whoever adds up the parts adds them in that order. A thread that takes its next
/// piece of work from a counter stores what came of that piece, and is no such case. Likewise finds additions of floating-point numbers
/// that are made of compare-and-swap. Follows registers through the text of a function, wherever control goes, and words of shared memory
/// that are named.
/// </summary>
sealed class ArrivalPlaces
{
    // Registers that hold a number of a counter, or what was computed of one; registers that may depend on one; that hold data.
    readonly HashSet<string> numbers = [], touched = [], data = [];
    // What compare-and-swap found, and sums of floating-point numbers that were computed of it.
    readonly HashSet<string> found = [], sums = [];
    readonly HashSet<(string Name, long Offset)> words = [];
    bool isSharedTouched, isChanged;

    public ArrivalPlaces(PtxFunction function)
    {
        PtxInstruction[] instructions = [.. function.Statements.OfType<PtxInstruction>()];
        if (!Array.Exists(instructions, static i => IsCounter(i) || IsSwap(i)))
            return;
        do
        {
            isChanged = false;
            foreach (PtxInstruction instruction in instructions)
                Follow(instruction);
        }
        while (isChanged);
    }

    /// <summary>Whether a store is one of those, of floating-point numbers.</summary>
    public bool Holds(PtxInstruction store) => numbers.Count > 0 && store.Modifiers.Any(static m => m is "f32" or "f64" or "f16" or "bf16")
        && store.Operands is [PtxAddress { Base: { } place }, var value] && numbers.Contains(place)
        && !Names(value).Any(touched.Contains) && Names(value).Any(data.Contains);

    /// <summary>Whether an atomic operation is a step of an addition of floating-point numbers.</summary>
    public bool IsSum(PtxInstruction atomic) =>
        IsSwap(atomic) && atomic.Operands is [_, _, _, var value] && Names(value).Any(sums.Contains);

    static bool IsSwap(PtxInstruction instruction) => instruction.Opcode == "atom" && instruction.Modifiers.Contains("cas");

    static bool IsCounter(PtxInstruction instruction) => instruction.Opcode == "atom"
        && instruction.Modifiers.Any(static m => m is "add" or "inc" or "dec")
        && !instruction.Modifiers.Any(static m => m.StartsWith('f'));

    void Follow(PtxInstruction instruction)
    {
        IReadOnlyList<PtxOperand> operands = instruction.Operands;
        if (operands.Count == 0 || instruction.Opcode is "setp" or "set" or "bra" or "bar" or "barrier" or "red")
            return;
        bool isShared = instruction.Modifiers.Any(static m => m.StartsWith("shared", StringComparison.Ordinal));
        if (instruction.Opcode is "st" or "cp")
        {
            if (isShared && operands.Count > 1)
                Store(operands[0], operands[1]);
            return;
        }
        string[] sources = [.. operands.Skip(1).SelectMany(Names)];
        bool isLoad = instruction.Opcode is "ld" or "ldmatrix", isWord = isLoad && operands.Count > 1
            && operands[1] is PtxAddress { Base: { } name } address && words.Contains((name, address.Offset));
        bool isNumber = IsCounter(instruction) || isWord || (!isLoad && sources.Any(numbers.Contains));
        bool isTouched = isNumber || sources.Any(touched.Contains) || (isLoad && isShared && isSharedTouched);
        bool isData = sources.Any(s => data.Contains(s) || s.StartsWith("%tid", StringComparison.Ordinal)
            || s.StartsWith("%ctaid", StringComparison.Ordinal)) || (isLoad && !instruction.Modifiers.Contains("param"));
        bool isFound = IsSwap(instruction) || sources.Any(found.Contains), isSum = sources.Any(sums.Contains)
            || (instruction.Opcode is "add" or "sub" or "fma" or "mad"
                && instruction.Modifiers.Any(static m => m is "f32" or "f64" or "f16") && sources.Any(found.Contains));
        foreach (string destination in Names(operands[0]))
        {
            isChanged |= isFound && found.Add(destination);
            isChanged |= isSum && !IsSwap(instruction) && sums.Add(destination);
            isChanged |= isNumber && numbers.Add(destination);
            isChanged |= isTouched && touched.Add(destination);
            isChanged |= isData && data.Add(destination);
        }
    }

    void Store(PtxOperand place, PtxOperand value)
    {
        string[] names = [.. Names(value)];
        if (place is PtxAddress { Base: { } name } address && !name.StartsWith('%') && names.Any(numbers.Contains))
            isChanged |= words.Add((name, address.Offset));
        else if (!isSharedTouched && (names.Any(touched.Contains) || Names(place).Any(touched.Contains)))
            isChanged = isSharedTouched = true;
    }

    static IEnumerable<string> Names(PtxOperand operand) => operand switch
    {
        PtxName name => [name.Name],
        PtxAddress { Base: { } name } => [name],
        PtxVector vector => vector.Elements.SelectMany(Names),
        PtxPair pair => Names(pair.First).Concat(Names(pair.Second)),
        PtxList list => list.Elements.SelectMany(Names),
        _ => [],
    };
}
