using System.Numerics;
using System.Runtime.Intrinsics;
using PerturbedForgetting.Simulator.Ptx;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>Conversions between types (PTX ISA, "cvt").</summary>
static unsafe class ConvertInstructions
{
    /// <summary>What a conversion does; packed into <see cref="Instruction.Immediate"/>.</summary>
    readonly record struct Form(PtxType To, PtxType From, Rounding Rounding, bool IsIntegral, bool Saturates, bool Flushes, bool Clamps)
    {
        public long Packed => (byte)To | ((long)(byte)From << 8) | ((long)Rounding << 16) | (IsIntegral ? 1L << 24 : 0)
            | (Saturates ? 1L << 25 : 0) | (Flushes ? 1L << 26 : 0) | (Clamps ? 1L << 27 : 0);

        public static Form Unpack(long packed) => new((PtxType)(packed & 255), (PtxType)(packed >> 8 & 255), (Rounding)(packed >> 16 & 255),
            (packed >> 24 & 1) != 0, (packed >> 25 & 1) != 0, (packed >> 26 & 1) != 0, (packed >> 27 & 1) != 0);
    }

    public static IEnumerable<InstructionFamily> Families =>
    [
        new("cvt", "cvt{.rn|.rz|.rm|.rp|.rni|.rzi|.rmi|.rpi}{.ftz}{.sat}.{u|s}{8|16|32|64}|f16|bf16|f32|f64 between each other; "
            + "cvt.{rna|rn|rz}.tf32.f32; cvt.{rn|rz}{.relu}.{f16x2|bf16x2}.f32 d, a, b", Lower),
    ];

    static void Lower(Lowering context, PtxInstruction instruction)
    {
        Form form = Parse(context, instruction);
        if (form.To is PtxType.F16x2 or PtxType.BF16x2)
        {
            int packed = context.Destination(0, PtxType.B32), high = context.Source(1, PtxType.F32), low = context.Source(2, PtxType.F32);
            ref Instruction pack = ref context.Emit(&Pack, InstructionClass.Conversion);
            (pack.Destination, pack.A, pack.B, pack.Immediate) = (packed, high, low, form.Packed);
            return;
        }
        bool isWideTo = IsWide(context, context.Operand(0), form.To), isWideFrom = IsWide(context, context.Operand(1), form.From);
        int destination = context.Destination(0, Register(form.To, isWideTo)), source = context.Source(1, Register(form.From, isWideFrom));
        ref Instruction i = ref context.Emit(Handler(form, isWideTo, isWideFrom), InstructionClass.Conversion);
        (i.Destination, i.A, i.C, i.D, i.Immediate) = (destination, source, isWideTo ? 8 : 4, isWideFrom ? 8 : 4, form.Packed);
    }

    /// <summary>Operands may stand in registers wider than the type.</summary>
    static bool IsWide(Lowering context, PtxOperand operand, PtxType type) =>
        context.DeclaredType(operand) is not PtxType.None and var declared ? PtxTypes.SizeOf(declared) == 8 : PtxTypes.SizeOf(type) == 8;

    static PtxType Register(PtxType type, bool isWide) => isWide ? PtxType.B64 : PtxTypes.SizeOf(type) <= 2 ? PtxType.B16 : type;

    static Form Parse(Lowering context, PtxInstruction instruction)
    {
        if (instruction.Modifiers.Count < 2)
            throw context.Unknown();
        PtxType to = PtxTypes.Parse(instruction.Modifiers[^2]), from = PtxTypes.Parse(instruction.Modifiers[^1]);
        if (!IsNumber(from) || !(IsNumber(to) || to is PtxType.F16x2 or PtxType.BF16x2 or PtxType.TF32))
            throw context.Unknown();
        var form = new Form(to, from, Rounding.NearestEven, false, false, false, false);
        foreach (string word in instruction.Modifiers.SkipLast(2))
        {
            form = word switch
            {
                "rn" => form,
                "rz" => form with { Rounding = Rounding.Zero },
                "rm" => form with { Rounding = Rounding.Down },
                "rp" => form with { Rounding = Rounding.Up },
                "rna" when to == PtxType.TF32 => form with { Rounding = Rounding.NearestAway },
                "rni" => form with { IsIntegral = true },
                "rzi" => form with { IsIntegral = true, Rounding = Rounding.Zero },
                "rmi" => form with { IsIntegral = true, Rounding = Rounding.Down },
                "rpi" => form with { IsIntegral = true, Rounding = Rounding.Up },
                "sat" => form with { Saturates = true },
                "ftz" => form with { Flushes = true },
                "relu" when to is PtxType.F16 or PtxType.BF16 or PtxType.F16x2 or PtxType.BF16x2 && from == PtxType.F32 =>
                    form with { Clamps = true },
                _ => throw context.Unknown(),
            };
        }
        CheckRounding(context, form, instruction.Modifiers[0]);
        return form;
    }

    /// <summary>A rounding stands where a value may not be representable, and nowhere else.</summary>
    static void CheckRounding(Lowering context, in Form form, string first)
    {
        bool isRounded = first is "rn" or "rz" or "rm" or "rp" or "rna", isPair = form.To is PtxType.F16x2 or PtxType.BF16x2,
            isTensor = form.To == PtxType.TF32;
        bool isNarrower = PtxTypes.SizeOf(form.To) < PtxTypes.SizeOf(form.From) || isTensor || isPair
            || (form.To == PtxType.BF16 && form.From == PtxType.F16) || (form.To == PtxType.F16 && form.From == PtxType.BF16);
        bool needsRounding = !IsInteger(form.To) && (IsInteger(form.From) || isNarrower),
            needsIntegral = IsInteger(form.To) && !IsInteger(form.From);
        bool mayBeIntegral = needsIntegral || (IsFloat(form.To) && form.To == form.From);
        if (needsRounding && !isRounded)
            throw context.Error("a rounding (.rn, .rz, .rm, .rp) is missing");
        if (needsIntegral && !form.IsIntegral)
            throw context.Error("a rounding to an integer (.rni, .rzi, .rmi, .rpi) is missing");
        if ((isRounded && !needsRounding) || (form.IsIntegral && !mayBeIntegral)
            || ((isPair || isTensor) && (form.From != PtxType.F32 || form.Rounding is Rounding.Down or Rounding.Up)))
            throw context.Unknown();
        if (isTensor && first != "rna")
            context.Require(90);
    }

    static bool IsNumber(PtxType type) => IsInteger(type) || IsFloat(type);

    static bool IsInteger(PtxType type) => type is >= PtxType.U8 and <= PtxType.S64;

    static bool IsFloat(PtxType type) => type is PtxType.F16 or PtxType.BF16 or PtxType.F32 or PtxType.F64;

    static delegate*<Warp, Instruction*, uint, void> Handler(Form form, bool isWideTo, bool isWideFrom)
    {
        if (form is { Saturates: false, Flushes: false, IsIntegral: false, Clamps: false, Rounding: Rounding.NearestEven })
        {
            switch (form.To, form.From)
            {
                case (PtxType.U64 or PtxType.S64, PtxType.U32) when isWideTo && !isWideFrom:
                    return &Lanes.VectorWiden<uint, ulong, ZeroExtend>;
                case (PtxType.U64 or PtxType.S64, PtxType.S32) when isWideTo && !isWideFrom:
                    return &Lanes.VectorWiden<int, long, SignExtend>;
                case (PtxType.U32 or PtxType.S32, PtxType.U64 or PtxType.S64) when isWideFrom && !isWideTo:
                    return &Lanes.Unary<ulong, uint, Truncate>;
                case (PtxType.F64, PtxType.F32):
                    return &Lanes.VectorWiden<float, double, Widen>;
                case (PtxType.F32, PtxType.F64):
                    return &Lanes.Unary<double, float, Narrow>;
                case (PtxType.F32, PtxType.S32) when !isWideFrom && !isWideTo:
                    return &Lanes.Unary<int, float, FromSigned>;
                case (PtxType.F32, PtxType.U32) when !isWideFrom && !isWideTo:
                    return &Lanes.Unary<uint, float, FromUnsigned>;
                case (PtxType.F32, PtxType.BF16) when !isWideFrom && !isWideTo:
                    return &Lanes.Unary<ushort, uint, FromBrain>;
                case (PtxType.F32, PtxType.F16) when !isWideFrom && !isWideTo:
                    return &Lanes.Unary<Half, float, FromHalf>;
                case (PtxType.BF16, PtxType.F32) when !isWideFrom && !isWideTo:
                    return &Lanes.Unary<float, ushort, ToBrain>;
            }
        }
        if (form is { To: PtxType.S32, From: PtxType.F32, IsIntegral: true, Rounding: Rounding.Zero, Saturates: false, Flushes: false }
            && !isWideTo)
            return &TruncateSingle;
        if (form is { To: PtxType.TF32, Rounding: Rounding.NearestAway, Saturates: false, Flushes: false, Clamps: false })
            return &Lanes.Unary<float, uint, ToTensorFloat>;
        return &Convert;
    }

    /// <summary>cvt.rzi.s32.f32: too great numbers become the greatest integers, NaN becomes 0.</summary>
    static void TruncateSingle(Warp warp, Instruction* i, uint mask)
    {
        int* d = (int*)warp.Words(i->Destination);
        float* a = (float*)warp.Words(i->A);
        for (int lane = 0; lane < Warp.Lanes; lane += Vector256<int>.Count)
            Lanes.Store(d + lane, Vector256.ConvertToInt32(Vector256.Load(a + lane)), mask, lane);
    }

    readonly struct ToTensorFloat : IUnary<float, uint>
    {
        public static uint Apply(float a) => (uint)FloatFormat.ToTensorFloat(a, Rounding.NearestAway);
    }

    readonly struct ZeroExtend : IVectorWiden<uint, ulong>
    {
        public static (Vector256<ulong> Lower, Vector256<ulong> Upper) Apply(Vector256<uint> a) => Vector256.Widen(a);
    }

    readonly struct SignExtend : IVectorWiden<int, long>
    {
        public static (Vector256<long> Lower, Vector256<long> Upper) Apply(Vector256<int> a) => Vector256.Widen(a);
    }

    readonly struct Truncate : IUnary<ulong, uint>
    {
        public static uint Apply(ulong a) => (uint)a;
    }

    readonly struct Widen : IVectorWiden<float, double>
    {
        public static (Vector256<double> Lower, Vector256<double> Upper) Apply(Vector256<float> a) => Vector256.Widen(a);
    }

    readonly struct Narrow : IUnary<double, float>
    {
        public static float Apply(double a) => (float)a;
    }

    readonly struct FromSigned : IUnary<int, float>
    {
        public static float Apply(int a) => a;
    }

    readonly struct FromUnsigned : IUnary<uint, float>
    {
        public static float Apply(uint a) => a;
    }

    readonly struct FromBrain : IUnary<ushort, uint>
    {
        public static uint Apply(ushort a) => (uint)a << 16;
    }

    readonly struct FromHalf : IUnary<Half, float>
    {
        public static float Apply(Half a) => (float)a;
    }

    readonly struct ToBrain : IUnary<float, ushort>
    {
        public static ushort Apply(float a) => FloatFormat.ToBrain(a);
    }

    static void Convert(Warp warp, Instruction* i, uint mask)
    {
        var form = Form.Unpack(i->Immediate);
        byte* d = warp.Registers + i->Destination, a = warp.Registers + i->A;
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            ulong bits = i->D == 8 ? *(ulong*)(a + (8 * lane)) : *(uint*)(a + (4 * lane)), result = Value(form, bits);
            if (i->C == 8)
                *(ulong*)(d + (8 * lane)) = result;
            else
                *(uint*)(d + (4 * lane)) = (uint)result;
        }
    }

    static void Pack(Warp warp, Instruction* i, uint mask)
    {
        var form = Form.Unpack(i->Immediate);
        Form half = form with { To = form.To == PtxType.F16x2 ? PtxType.F16 : PtxType.BF16 };
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            warp.Words(i->Destination)[lane] = (uint)(Value(half, warp.Words(i->A)[lane]) << 16)
                | (ushort)Value(half, warp.Words(i->B)[lane]);
        }
    }

    /// <summary>Converts one value; integers are extended to 64 bits by their sign.</summary>
    static ulong Value(in Form form, ulong bits)
    {
        if (IsInteger(form.From))
        {
            bool isUnsigned = form.From is PtxType.U8 or PtxType.U16 or PtxType.U32 or PtxType.U64;
            ulong extended = Extend(form.From, bits);
            if (IsInteger(form.To))
                return Extend(form.To, form.Saturates ? Saturate(form.To, isUnsigned ? extended : (Int128)(long)extended) : extended);
            return FromInteger(form, isUnsigned, extended);
        }
        double value = FloatFormat.Widen(form.From, bits);
        if (form.Flushes && form.From == PtxType.F32)
            value = FloatInstructions.Flush.Apply((float)value);
        return FromFloat(form, value);
    }

    static ulong Extend(PtxType type, ulong bits) => type switch
    {
        PtxType.U8 => (byte)bits,
        PtxType.S8 => (ulong)(sbyte)bits,
        PtxType.U16 => (ushort)bits,
        PtxType.S16 => (ulong)(short)bits,
        PtxType.U32 => (uint)bits,
        PtxType.S32 => (ulong)(int)bits,
        _ => bits,
    };

    static ulong Saturate(PtxType type, Int128 value)
    {
        (Int128 least, Int128 most) = type switch
        {
            PtxType.U8 => ((Int128)0, (Int128)byte.MaxValue),
            PtxType.S8 => (sbyte.MinValue, sbyte.MaxValue),
            PtxType.U16 => (0, ushort.MaxValue),
            PtxType.S16 => (short.MinValue, short.MaxValue),
            PtxType.U32 => (0, uint.MaxValue),
            PtxType.S32 => (int.MinValue, int.MaxValue),
            PtxType.U64 => (0, ulong.MaxValue),
            _ => (long.MinValue, long.MaxValue),
        };
        return (ulong)Int128.Clamp(value, least, most);
    }

    static ulong FromInteger(in Form form, bool isUnsigned, ulong bits)
    {
        Int128 value = isUnsigned ? bits : (long)bits;
        if (form.Saturates)
            value = Int128.Clamp(value, 0, 1);
        // float16 is infinite from 65520 on, and below it a float64 is exact; bfloat16 is rounded from a float64 that was rounded to odd.
        ulong nearest = form.To switch
        {
            PtxType.F64 => BitConverter.DoubleToUInt64Bits((double)value),
            PtxType.F32 => BitConverter.SingleToUInt32Bits((float)value),
            PtxType.F16 => FloatFormat.ToHalf((double)value),
            _ => FloatFormat.ToBrain(ToOdd(value)),
        };
        if (form.Rounding == Rounding.NearestEven)
            return nearest;
        double rounded = FloatFormat.Widen(form.To, nearest);
        int error = double.IsInfinity(rounded) ? -Math.Sign(rounded) : value.CompareTo((Int128)rounded);
        return FloatFormat.Directed(nearest, value < 0, error, form.Rounding);
    }

    static double ToOdd(Int128 value)
    {
        double nearest = (double)value;
        int error = Int128.Abs(value).CompareTo((Int128)Math.Abs(nearest));
        long bits = BitConverter.DoubleToInt64Bits(nearest);
        return error == 0 || (bits & 1) != 0 ? nearest : BitConverter.Int64BitsToDouble(bits + error);
    }

    static ulong FromFloat(in Form form, double value)
    {
        if (form.IsIntegral)
            value = Integral(value, form.Rounding);
        if (IsInteger(form.To))
            return ToInteger(form, value);
        if (form.Saturates)
            value = value > 0 ? Math.Min(value, 1) : 0;
        if (form.Clamps && value <= 0)
            value = 0;
        if (form.To == PtxType.TF32)
            return FloatFormat.ToTensorFloat((float)value, form.Rounding);
        ulong result = FloatFormat.Round(form.To, value, form.IsIntegral ? Rounding.NearestEven : form.Rounding);
        return form.Flushes && form.To == PtxType.F32
            ? BitConverter.SingleToUInt32Bits(FloatInstructions.Flush.Apply(BitConverter.UInt32BitsToSingle((uint)result)))
            : result;
    }

    static double Integral(double value, Rounding rounding) => rounding switch
    {
        Rounding.Zero => Math.Truncate(value),
        Rounding.Down => Math.Floor(value),
        Rounding.Up => Math.Ceiling(value),
        _ => Math.Round(value, MidpointRounding.ToEven),
    };

    /// <summary>Out-of-range values become the nearest number of the type. NaN becomes 0, and where one side has 64 bits the number whose
    /// highest bit alone is set.</summary>
    static ulong ToInteger(in Form form, double value)
    {
        if (double.IsNaN(value))
            return form.From == PtxType.F64 || PtxTypes.SizeOf(form.To) == 8
                ? Extend(form.To, 1ul << ((8 * PtxTypes.SizeOf(form.To)) - 1))
                : 0;
        return form.To switch
        {
            PtxType.U64 => ulong.CreateSaturating(value),
            PtxType.S64 => (ulong)long.CreateSaturating(value),
            _ => Extend(form.To, Saturate(form.To, (Int128)Math.Clamp(value, -1e18, 1e18))),
        };
    }
}
