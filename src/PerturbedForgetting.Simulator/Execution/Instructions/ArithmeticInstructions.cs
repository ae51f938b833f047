using PerturbedForgetting.Simulator.Ptx;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>Opcodes that integers and floating point share: add, sub, mul, mad, fma, div, rem, min, max, neg, abs.</summary>
static unsafe class ArithmeticInstructions
{
    /// <summary>The modifiers of an instruction.</summary>
    /// <param name="Type">The operands' type.</param>
    /// <param name="Part">Which part of a product (lo, hi, wide), <c>sat</c> of integers, <c>NaN</c> of min and max.</param>
    /// <param name="Rounding">How a floating-point result is rounded.</param>
    /// <param name="Flags">What is done to float32 before and after.</param>
    readonly record struct Form(PtxType Type, string Part, Rounding Rounding, FloatFlags Flags)
    {
        public bool IsFloat => Type is PtxType.F32 or PtxType.F64;

        public PtxType Result => Part == "wide" ? Wider(Type) : Type;
    }

    const string Integers = ".{u|s}{16|32|64}", Rounded = "{.rn|.rz|.rm|.rp}", Halves = "{f16|f16x2|bf16|bf16x2}";

    public static IEnumerable<InstructionFamily> Families =>
    [
        new("add", $"add{Integers}, add.cc.{{u|s}}{{32|64}}; {Floats("add")} d, a, b", LowerBinary),
        new("sub", $"sub{Integers}, sub.cc.{{u|s}}{{32|64}}; {Floats("sub")} d, a, b", LowerBinary),
        new("mul", $"mul{{.lo|.hi|.wide}}{Integers}; {Floats("mul")} d, a, b", LowerBinary),
        new("div", $"div{Integers}; div{{.rn|.rz|.rm|.rp|.full|.approx}}{{.ftz}}.f32, div{Rounded}.f64 d, a, b", LowerBinary),
        new("rem", $"rem{Integers} d, a, b", LowerBinary),
        new("min", $"min{Integers}; min{{.ftz}}{{.NaN}}.f32, min.f64, min{{.ftz}}{{.NaN}}.{Halves} d, a, b", LowerBinary),
        new("max", $"max{Integers}; max{{.ftz}}{{.NaN}}.f32, max.f64, max{{.ftz}}{{.NaN}}.{Halves} d, a, b", LowerBinary),
        new("mad", $"mad{{.lo|.hi|.wide}}{Integers}, mad.{{lo|hi}}.cc.{{u|s}}{{32|64}}; "
            + "mad.{rn|rz|rm|rp}{.ftz}{.sat}.f32, mad.{rn|rz|rm|rp}.f64 d, a, b, c", LowerMultiplyAdd),
        new("fma", $"fma.{{rn|rz|rm|rp}}{{.ftz}}{{.sat}}.f32, fma.{{rn|rz|rm|rp}}.f64, fma.rn{{.ftz}}{{.sat|.relu}}.{Halves} d, a, b, c",
            LowerMultiplyAdd),
        new("neg", $"neg.{{s16|s32|s64}}, neg{{.ftz}}.f32, neg.f64, neg{{.ftz}}.{Halves} d, a", LowerUnary),
        new("abs", $"abs.{{s16|s32|s64}}, abs{{.ftz}}.f32, abs.f64, abs{{.ftz}}.{Halves} d, a", LowerUnary),
    ];

    static string Floats(string opcode) =>
        $"{opcode}{Rounded}{{.ftz}}{{.sat}}.f32, {opcode}{Rounded}.f64, {opcode}{{.rn}}{{.ftz}}{{.sat}}.{Halves}";

    static Form Parse(Lowering context, PtxInstruction instruction)
    {
        PtxType type = instruction.Modifiers.Count > 0 ? PtxTypes.Parse(instruction.Modifiers[^1]) : PtxType.None;
        var form = new Form(type, "", Rounding.NearestEven, FloatFlags.None);
        bool rounds = form.IsFloat && instruction.Opcode is "add" or "sub" or "mul" or "div" or "mad" or "fma", isRounded = false;
        foreach (string word in instruction.Modifiers.SkipLast(1))
        {
            isRounded |= word is "rn" or "rz" or "rm" or "rp" or "full" or "approx";
            form = word switch
            {
                "lo" or "hi" or "wide" or "sat" when !form.IsFloat =>
                    form with { Part = form.Part.Length == 0 ? word : $"{form.Part}.{word}" },
                "NaN" when type == PtxType.F32 => form with { Part = word },
                "ftz" when type == PtxType.F32 => form with { Flags = form.Flags | FloatFlags.FlushToZero },
                "sat" when type == PtxType.F32 && rounds && instruction.Opcode != "div" =>
                    form with { Flags = form.Flags | FloatFlags.Saturate },
                "rn" when rounds => form,
                "rz" when rounds => form with { Rounding = Rounding.Zero },
                "rm" when rounds => form with { Rounding = Rounding.Down },
                "rp" when rounds => form with { Rounding = Rounding.Up },
                "full" or "approx" when instruction.Opcode == "div" && type == PtxType.F32 => form,
                _ => throw context.Unknown(),
            };
        }
        return isRounded || !form.IsFloat || instruction.Opcode is not ("fma" or "mad" or "div")
            ? form
            : throw context.Error("a rounding (.rn, .rz, .rm, .rp) is missing");
    }

    static void LowerBinary(Lowering context, PtxInstruction instruction)
    {
        if (IsElsewhere(context, instruction))
            return;
        Form form = Parse(context, instruction);
        string name = form.Part.Length == 0 ? instruction.Opcode : $"{instruction.Opcode}.{form.Part}";
        Emit(context, form, form.IsFloat ? FloatInstructions.Binary(name, form.Type) : IntegerInstructions.Binary(name, form.Type),
            [context.Source(1, form.Type), context.Source(2, form.Type)]);
    }

    static void LowerMultiplyAdd(Lowering context, PtxInstruction instruction)
    {
        if (IsElsewhere(context, instruction))
            return;
        Form form = Parse(context, instruction);
        bool isKnown = form.IsFloat ? form.Part.Length == 0 : instruction.Opcode == "mad";
        Emit(context, form, !isKnown ? null : form.IsFloat ? FloatInstructions.MultiplyAdd(form.Type)
            : IntegerInstructions.MultiplyAdd(form.Part, form.Type),
            [context.Source(1, form.Type), context.Source(2, form.Type), context.Source(3, form.Result)]);
    }

    static void LowerUnary(Lowering context, PtxInstruction instruction)
    {
        if (IsElsewhere(context, instruction))
            return;
        Form form = Parse(context, instruction);
        bool isKnown = form.Part.Length == 0;
        Emit(context, form, !isKnown ? null : form.IsFloat ? FloatInstructions.Unary(instruction.Opcode, form.Type)
            : IntegerInstructions.Unary(instruction.Opcode, form.Type),
            [context.Source(1, form.Type)]);
    }

    /// <summary>Lowers what other files execute: the 16-bit floating-point types, and sums that write the carry.</summary>
    static bool IsElsewhere(Lowering context, PtxInstruction instruction)
    {
        if (instruction.Modifiers.Contains("cc"))
            CarryInstructions.Lower(context, instruction);
        else if (instruction.Modifiers.Count > 0 && HalfInstructions.IsHalf(PtxTypes.Parse(instruction.Modifiers[^1])))
            HalfInstructions.Lower(context, instruction);
        else
            return false;
        return true;
    }

    static void Emit(Lowering context, Form form, delegate*<Warp, Instruction*, uint, void> handler, ReadOnlySpan<int> sources)
    {
        long immediate = 0;
        if (handler != null && form.Rounding != Rounding.NearestEven)
            handler = DirectedInstructions.Handler(context.Current.Opcode, form.Type, form.Rounding, out immediate);
        if (handler == null)
            throw context.Unknown();
        InstructionClass counted = form.Type == PtxType.F32 ? InstructionClass.Float32 : form.Type == PtxType.F64 ? InstructionClass.Float64
            : InstructionClass.Integer;
        FloatInstructions.Emit(context, handler, counted, form.Flags, immediate, context.Destination(0, form.Result), sources);
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
