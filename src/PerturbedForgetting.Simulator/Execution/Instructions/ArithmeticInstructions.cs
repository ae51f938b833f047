using PerturbedForgetting.Simulator.Ptx;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>Opcodes that integers and floating point share: add, sub, mul, mad, fma, div, rem, min, max, neg, abs.</summary>
static unsafe class ArithmeticInstructions
{
    public static IEnumerable<InstructionFamily> Families =>
    [
        new("add", Binary("add", "") + "; " + Floats("add"), LowerBinary),
        new("sub", Binary("sub", "") + "; " + Floats("sub"), LowerBinary),
        new("mul", Binary("mul", "{.lo|.hi|.wide}") + "; " + Floats("mul"), LowerBinary),
        new("div", Binary("div", "") + "; div{.rn|.full|.approx}{.ftz}.f32, div.rn.f64 d, a, b", LowerBinary),
        new("rem", Binary("rem", ""), LowerBinary),
        new("min", Binary("min", "") + "; min{.ftz}{.NaN}.f32, min.f64 d, a, b", LowerBinary),
        new("max", Binary("max", "") + "; max{.ftz}{.NaN}.f32, max.f64 d, a, b", LowerBinary),
        new("mad", "mad{.lo|.hi|.wide}.{u|s}{16|32|64}, mad.rn{.ftz}{.sat}.f32, mad.rn.f64 d, a, b, c", LowerMultiplyAdd),
        new("fma", "fma.rn{.ftz}{.sat}.f32, fma.rn.f64 d, a, b, c", LowerMultiplyAdd),
        new("neg", "neg.{s16|s32|s64}, neg{.ftz}.f32, neg.f64 d, a", LowerUnary),
        new("abs", "abs.{s16|s32|s64}, abs{.ftz}.f32, abs.f64 d, a", LowerUnary),
    ];

    static string Binary(string opcode, string half) => $"{opcode}{half}.{{u|s}}{{16|32|64}} d, a, b";

    static string Floats(string opcode) => $"{opcode}{{.rn}}{{.ftz}}{{.sat}}.f32, {opcode}{{.rn}}.f64 d, a, b";

    /// <summary>The modifiers of an arithmetic instruction: its type, which half of a product, what is done to float32.</summary>
    internal static (PtxType Type, string Half, FloatFlags Flags) Form(Lowering context, PtxInstruction instruction)
    {
        PtxType type = instruction.Modifiers.Count > 0 ? PtxTypes.Parse(instruction.Modifiers[^1]) : PtxType.None;
        string half = "";
        var flags = FloatFlags.None;
        foreach (string word in instruction.Modifiers.SkipLast(1))
        {
            switch (word)
            {
                case "lo" or "hi" or "wide" or "NaN":
                    half = word;
                    break;
                case "ftz":
                    flags |= FloatFlags.FlushToZero;
                    break;
                case "sat" when type == PtxType.F32:
                    flags |= FloatFlags.Saturate;
                    break;
                case "rn":
                    break;
                case "full" or "approx" when instruction.Opcode == "div":
                    break;
                default:
                    throw context.Unknown();
            }
        }
        return (type, half, flags);
    }

    static InstructionClass ClassOf(PtxType type) => type == PtxType.F32 ? InstructionClass.Float32 : type == PtxType.F64 ? InstructionClass.Float64 : InstructionClass.Integer;

    static void LowerBinary(Lowering context, PtxInstruction instruction)
    {
        (PtxType type, string half, FloatFlags flags) = Form(context, instruction);
        bool isFloat = type is PtxType.F32 or PtxType.F64;
        string name = half.Length == 0 ? instruction.Opcode : $"{instruction.Opcode}.{half}";
        delegate*<Warp, Instruction*, uint, void> handler = isFloat ? FloatInstructions.Binary(name, type) : IntegerInstructions.Binary(name, type);
        if (handler == null)
            throw context.Unknown();
        PtxType result = half == "wide" ? Wider(type) : type;
        int destination = context.Destination(0, result), a = context.Source(1, type), b = context.Source(2, type);
        if (flags != FloatFlags.None)
        {
            FloatInstructions.Wrap(context, handler, flags, destination, [a, b]);
            return;
        }
        ref Instruction i = ref context.Emit(handler, ClassOf(type));
        (i.Destination, i.A, i.B) = (destination, a, b);
    }

    static void LowerMultiplyAdd(Lowering context, PtxInstruction instruction)
    {
        (PtxType type, string half, FloatFlags flags) = Form(context, instruction);
        bool isFloat = type is PtxType.F32 or PtxType.F64;
        delegate*<Warp, Instruction*, uint, void> handler = isFloat ? FloatInstructions.MultiplyAdd(type) : IntegerInstructions.MultiplyAdd(half, type);
        if (handler == null || (instruction.Opcode == "fma" && !isFloat))
            throw context.Unknown();
        PtxType result = half == "wide" ? Wider(type) : type;
        int destination = context.Destination(0, result), a = context.Source(1, type), b = context.Source(2, type), c = context.Source(3, result);
        if (flags != FloatFlags.None)
        {
            FloatInstructions.Wrap(context, handler, flags, destination, [a, b, c]);
            return;
        }
        ref Instruction i = ref context.Emit(handler, ClassOf(type));
        (i.Destination, i.A, i.B, i.C) = (destination, a, b, c);
    }

    static void LowerUnary(Lowering context, PtxInstruction instruction)
    {
        (PtxType type, _, FloatFlags flags) = Form(context, instruction);
        bool isFloat = type is PtxType.F32 or PtxType.F64;
        delegate*<Warp, Instruction*, uint, void> handler = isFloat ? FloatInstructions.Unary(instruction.Opcode, type) : IntegerInstructions.Unary(instruction.Opcode, type);
        if (handler == null)
            throw context.Unknown();
        int destination = context.Destination(0, type), a = context.Source(1, type);
        if (flags != FloatFlags.None)
        {
            FloatInstructions.Wrap(context, handler, flags, destination, [a]);
            return;
        }
        ref Instruction i = ref context.Emit(handler, ClassOf(type));
        (i.Destination, i.A) = (destination, a);
    }

    static PtxType Wider(PtxType type) => type switch
    {
        PtxType.U16 => PtxType.U32,
        PtxType.S16 => PtxType.S32,
        PtxType.U32 => PtxType.U64,
        PtxType.S32 => PtxType.S64,
        _ => type,
    };
}
