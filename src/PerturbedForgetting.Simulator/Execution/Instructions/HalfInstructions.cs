using System.Numerics;
using PerturbedForgetting.Simulator.Ptx;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>Arithmetic of the 16-bit floating-point types and of pairs of them (PTX ISA, "Half Precision Floating Point Instructions").
/// Every result is the exact one rounded once to nearest even; NaN is 0x7fff.</summary>
static unsafe class HalfInstructions
{
    enum Operation
    {
        Add,
        Subtract,
        Multiply,
        Fused,
        Minimum,
        Maximum,
        Negate,
        Absolute,
        Exponential,
        HyperbolicTangent,
    }

    [Flags]
    enum Options
    {
        None = 0,
        FlushToZero = 1,
        Saturate = 2,
        /// <summary>Negative results become zero.</summary>
        Clamp = 4,
        /// <summary>The least of a number and NaN is NaN, not the number.</summary>
        NaN = 8,
    }

    public static bool IsHalf(PtxType type) => type is PtxType.F16 or PtxType.F16x2 or PtxType.BF16 or PtxType.BF16x2;

    /// <summary>Lowers an instruction whose last modifier is a 16-bit type.</summary>
    public static void Lower(Lowering context, PtxInstruction instruction)
    {
        PtxType type = PtxTypes.Parse(instruction.Modifiers[^1]);
        bool isBrain = type is PtxType.BF16 or PtxType.BF16x2;
        (Operation operation, int sources) = instruction.Opcode switch
        {
            "add" => (Operation.Add, 2),
            "sub" => (Operation.Subtract, 2),
            "mul" => (Operation.Multiply, 2),
            "fma" => (Operation.Fused, 3),
            "min" => (Operation.Minimum, 2),
            "max" => (Operation.Maximum, 2),
            "neg" => (Operation.Negate, 1),
            "abs" => (Operation.Absolute, 1),
            "ex2" => (Operation.Exponential, 1),
            "tanh" => (Operation.HyperbolicTangent, 1),
            _ => throw context.Unknown(),
        };
        bool isSpecial = operation is Operation.Exponential or Operation.HyperbolicTangent;
        if ((isBrain && (operation <= Operation.Multiply || isSpecial)))
            context.Require(90);
        Options options = ReadOptions(context, instruction, operation, isBrain, isSpecial);
        int destination = context.Destination(0, type), a = context.Source(1, type), b = sources > 1 ? context.Source(2, type) : a,
            c = sources > 2 ? context.Source(3, type) : a;
        ref Instruction i = ref context.Emit(&Run, isSpecial ? InstructionClass.Special : InstructionClass.Half);
        (i.Destination, i.A, i.B, i.C, i.D, i.Flags, i.Immediate) = (destination, a, b, c, (int)type, (int)options, (int)operation);
    }

    static Options ReadOptions(Lowering context, PtxInstruction instruction, Operation operation, bool isBrain, bool isSpecial)
    {
        bool rounds = operation <= Operation.Fused, isRounded = false;
        var options = Options.None;
        foreach (string word in instruction.Modifiers.SkipLast(1))
        {
            switch (word)
            {
                case "rn" when rounds:
                case "approx" when isSpecial:
                    isRounded = true;
                    break;
                case "ftz" when isBrain == (operation == Operation.Exponential) && operation != Operation.HyperbolicTangent:
                    options |= Options.FlushToZero;
                    break;
                case "sat" when rounds && !isBrain:
                    options |= Options.Saturate;
                    break;
                case "relu" when operation == Operation.Fused:
                    options |= Options.Clamp;
                    break;
                case "NaN" when operation is Operation.Minimum or Operation.Maximum:
                    options |= Options.NaN;
                    break;
                default:
                    throw context.Unknown();
            }
        }
        return isRounded || !(isSpecial || operation == Operation.Fused) ? options : throw context.Unknown();
    }

    static void Run(Warp warp, Instruction* i, uint mask)
    {
        var type = (PtxType)i->D;
        bool isPair = PtxTypes.SizeOf(type) == 4;
        PtxType part = type is PtxType.F16 or PtxType.F16x2 ? PtxType.F16 : PtxType.BF16;
        uint* d = warp.Words(i->Destination), a = warp.Words(i->A), b = warp.Words(i->B), c = warp.Words(i->C);
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            uint low = Result(i, part, (ushort)a[lane], (ushort)b[lane], (ushort)c[lane]);
            d[lane] = isPair ? low | (Result(i, part, a[lane] >> 16, b[lane] >> 16, c[lane] >> 16) << 16) : low;
        }
    }

    static uint Result(Instruction* i, PtxType part, uint a, uint b, uint c)
    {
        var operation = (Operation)i->Immediate;
        var options = (Options)i->Flags;
        bool flushes = (options & Options.FlushToZero) != 0;
        if (flushes)
            (a, b, c) = (Flush(part, a), Flush(part, b), Flush(part, c));
        if (operation is Operation.Negate or Operation.Absolute)
            return operation == Operation.Negate ? a ^ 0x8000 : a & 0x7fff;
        double x = FloatFormat.Widen(part, a), y = FloatFormat.Widen(part, b), z = FloatFormat.Widen(part, c);
        bool wantsNaN = (options & Options.NaN) != 0;
        double value = operation switch
        {
            Operation.Add => FloatFormat.FusedToOdd(x, 1, y),
            Operation.Subtract => FloatFormat.FusedToOdd(x, 1, -y),
            Operation.Multiply => x * y,
            Operation.Fused => FloatFormat.FusedToOdd(x, y, z),
            Operation.Minimum => wantsNaN ? Math.Min(x, y) : double.MinNumber(x, y),
            Operation.Maximum => wantsNaN ? Math.Max(x, y) : double.MaxNumber(x, y),
            Operation.Exponential => double.Exp2(x),
            _ => Math.Tanh(x),
        };
        if ((options & Options.Saturate) != 0)
            value = value > 0 ? Math.Min(value, 1) : 0;
        if ((options & Options.Clamp) != 0 && value <= 0)
            value = 0;
        var result = (uint)FloatFormat.Nearest(part, value);
        return flushes ? Flush(part, result) : result;
    }

    /// <summary>Denormal numbers become zero of their sign.</summary>
    static uint Flush(PtxType part, uint bits) => (bits & (part == PtxType.F16 ? 0x7c00u : 0x7f80u)) == 0 ? bits & 0x8000 : bits;
}
