using PerturbedForgetting.Simulator.Ptx;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>Products of parts of registers: of 24 bits (mul24), and sums of products of bytes (dp4a, dp2a).</summary>
static unsafe class DotProductInstructions
{
    public static IEnumerable<InstructionFamily> Families =>
    [
        new("mul24", "mul24.lo.{u32|s32} d, a, b", LowerProduct),
        new("dp4a", "dp4a.{u32|s32}.{u32|s32} d, a, b, c", LowerDot),
        new("dp2a", "dp2a.{lo|hi}.{u32|s32}.{u32|s32} d, a, b, c", LowerDot),
    ];

    static void LowerProduct(Lowering context, PtxInstruction instruction)
    {
        delegate*<Warp, Instruction*, uint, void> handler = instruction.Mnemonic switch
        {
            "mul24.lo.u32" => &Lanes.Binary<uint, uint, uint, LowU24>,
            "mul24.lo.s32" => &Lanes.Binary<int, int, int, LowS24>,
            _ => throw context.Unknown(),
        };
        int destination = context.Destination(0, PtxType.B32), a = context.Source(1, PtxType.B32), b = context.Source(2, PtxType.B32);
        ref Instruction i = ref context.Emit(handler, InstructionClass.Integer);
        (i.Destination, i.A, i.B) = (destination, a, b);
    }

    static void LowerDot(Lowering context, PtxInstruction instruction)
    {
        delegate*<Warp, Instruction*, uint, void> handler = instruction.Mnemonic switch
        {
            "dp4a.u32.u32" => &Lanes.Ternary<uint, uint, uint, Dot4<Unsigned, Unsigned>>,
            "dp4a.u32.s32" => &Lanes.Ternary<uint, uint, uint, Dot4<Unsigned, Signed>>,
            "dp4a.s32.u32" => &Lanes.Ternary<uint, uint, uint, Dot4<Signed, Unsigned>>,
            "dp4a.s32.s32" => &Lanes.Ternary<uint, uint, uint, Dot4<Signed, Signed>>,
            "dp2a.lo.u32.u32" => &Lanes.Ternary<uint, uint, uint, Dot2<Unsigned, Unsigned, Low>>,
            "dp2a.lo.u32.s32" => &Lanes.Ternary<uint, uint, uint, Dot2<Unsigned, Signed, Low>>,
            "dp2a.lo.s32.u32" => &Lanes.Ternary<uint, uint, uint, Dot2<Signed, Unsigned, Low>>,
            "dp2a.lo.s32.s32" => &Lanes.Ternary<uint, uint, uint, Dot2<Signed, Signed, Low>>,
            "dp2a.hi.u32.u32" => &Lanes.Ternary<uint, uint, uint, Dot2<Unsigned, Unsigned, High>>,
            "dp2a.hi.u32.s32" => &Lanes.Ternary<uint, uint, uint, Dot2<Unsigned, Signed, High>>,
            "dp2a.hi.s32.u32" => &Lanes.Ternary<uint, uint, uint, Dot2<Signed, Unsigned, High>>,
            "dp2a.hi.s32.s32" => &Lanes.Ternary<uint, uint, uint, Dot2<Signed, Signed, High>>,
            _ => throw context.Unknown(),
        };
        int destination = context.Destination(0, PtxType.B32), a = context.Source(1, PtxType.B32), b = context.Source(2, PtxType.B32),
            c = context.Source(3, PtxType.B32);
        ref Instruction i = ref context.Emit(handler, InstructionClass.Integer);
        (i.Destination, i.A, i.B, i.C) = (destination, a, b, c);
    }

    readonly struct LowU24 : IBinary<uint, uint, uint>
    {
        public static uint Apply(uint a, uint b) => (a & 0xff_ffff) * (b & 0xff_ffff);
    }

    readonly struct LowS24 : IBinary<int, int, int>
    {
        public static int Apply(int a, int b) => (a << 8 >> 8) * (b << 8 >> 8);
    }

    /// <summary>How a part of a register is read: some bits from a place on.</summary>
    interface IPart
    {
        static abstract int Read(uint value, int from, int bits);
    }

    readonly struct Unsigned : IPart
    {
        public static int Read(uint value, int from, int bits) => (int)(value << (32 - from - bits) >> (32 - bits));
    }

    readonly struct Signed : IPart
    {
        public static int Read(uint value, int from, int bits) => (int)(value << (32 - from - bits)) >> (32 - bits);
    }

    /// <summary>Where the two bytes of dp2a begin.</summary>
    interface IPlace
    {
        static abstract int First { get; }
    }

    readonly struct Low : IPlace
    {
        public static int First => 0;
    }

    readonly struct High : IPlace
    {
        public static int First => 16;
    }

    readonly struct Dot4<TA, TB> : ITernary<uint, uint, uint> where TA : struct, IPart where TB : struct, IPart
    {
        public static uint Apply(uint a, uint b, uint c)
        {
            for (int from = 0; from < 32; from += 8)
                c += (uint)(TA.Read(a, from, 8) * TB.Read(b, from, 8));
            return c;
        }
    }

    readonly struct Dot2<TA, TB, TPlace> : ITernary<uint, uint, uint> where TA : struct, IPart where TB : struct,
        IPart where TPlace : struct, IPlace
    {
        public static uint Apply(uint a, uint b, uint c) => c
            + (uint)(TA.Read(a, 0, 16) * TB.Read(b, TPlace.First, 8))
            + (uint)(TA.Read(a, 16, 16) * TB.Read(b, TPlace.First + 8, 8));
    }
}
