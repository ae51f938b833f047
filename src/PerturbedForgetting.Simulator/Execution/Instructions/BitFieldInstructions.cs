using System.Numerics;
using PerturbedForgetting.Simulator.Ptx;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>Parts of registers: bit fields, permutations of bytes, sums of differences (PTX ISA, "Integer Arithmetic" and
/// "prmt").</summary>
static unsafe class BitFieldInstructions
{
    public static IEnumerable<InstructionFamily> Families =>
    [
        new("prmt", "prmt.b32 d, a, b, c", Lower),
        new("bfe", "bfe.{u|s}{32|64} d, a, b, c", Lower),
        new("bfi", "bfi.{b32|b64} f, a, b, c, d", LowerInsert),
        new("sad", "sad.{u|s}{16|32|64} d, a, b, c", Lower),
    ];

    static void Lower(Lowering context, PtxInstruction instruction)
    {
        PtxType type = instruction.Opcode == "prmt" ? PtxType.B32 : instruction.Modifiers.Count > 0
            ? PtxTypes.Parse(instruction.Modifiers[^1]) : PtxType.None;
        delegate*<Warp, Instruction*, uint, void> handler = instruction.Mnemonic switch
        {
            "prmt.b32" => &Lanes.Ternary<uint, uint, uint, Permute>,
            "sad.u16" => &Lanes.Ternary<ushort, ushort, ushort, Difference<ushort>>,
            "sad.s16" => &Lanes.Ternary<short, short, short, Difference<short>>,
            "sad.u32" => &Lanes.Ternary<uint, uint, uint, Difference<uint>>,
            "sad.s32" => &Lanes.Ternary<int, int, int, Difference<int>>,
            "sad.u64" => &Lanes.Ternary<ulong, ulong, ulong, Difference<ulong>>,
            "sad.s64" => &Lanes.Ternary<long, long, long, Difference<long>>,
            "bfe.u32" => &ExtractU32,
            "bfe.s32" => &ExtractS32,
            "bfe.u64" => &ExtractU64,
            "bfe.s64" => &ExtractS64,
            _ => throw context.Unknown(),
        };
        PtxType other = instruction.Opcode == "bfe" ? PtxType.U32 : type;
        int destination = context.Destination(0, type), a = context.Source(1, type), b = context.Source(2, other),
            c = context.Source(3, other);
        ref Instruction i = ref context.Emit(handler, InstructionClass.Integer);
        (i.Destination, i.A, i.B, i.C) = (destination, a, b, c);
    }

    static void LowerInsert(Lowering context, PtxInstruction instruction)
    {
        PtxType type = instruction.Mnemonic switch { "bfi.b32" => PtxType.B32, "bfi.b64" => PtxType.B64, _ => throw context.Unknown() };
        int destination = context.Destination(0, type), a = context.Source(1, type), b = context.Source(2, type),
            c = context.Source(3, PtxType.U32), d = context.Source(4, PtxType.U32);
        ref Instruction i = ref context.Emit(type == PtxType.B32 ? &Insert32 : &Insert64, InstructionClass.Integer);
        (i.Destination, i.A, i.B, i.C, i.D) = (destination, a, b, c, d);
    }

    /// <summary>Bits [position, position + length) of a value of <paramref name="width"/> bits, filled with its sign when it has
    /// one.</summary>
    static ulong Field(ulong value, uint position, uint length, int width, bool isSigned)
    {
        int at = (int)(position & 255), count = (int)(length & 255);
        ulong sign = !isSigned || count == 0 ? 0 : value >> Math.Min(at + count - 1, width - 1) & 1, result = 0;
        for (int bit = 0; bit < width; bit++)
            result |= (bit < count && at + bit < width ? value >> (at + bit) & 1 : sign) << bit;
        return result;
    }

    static void Extract(Warp warp, Instruction* i, uint mask, int width, bool isSigned)
    {
        uint* position = warp.Words(i->B), length = warp.Words(i->C);
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            if (width == 32)
                warp.Words(i->Destination)[lane] = (uint)Field(warp.Words(i->A)[lane], position[lane], length[lane], 32, isSigned);
            else
                warp.Longs(i->Destination)[lane] = Field(warp.Longs(i->A)[lane], position[lane], length[lane], 64, isSigned);
        }
    }

    static void ExtractU32(Warp warp, Instruction* i, uint mask) => Extract(warp, i, mask, 32, false);

    static void ExtractS32(Warp warp, Instruction* i, uint mask) => Extract(warp, i, mask, 32, true);

    static void ExtractU64(Warp warp, Instruction* i, uint mask) => Extract(warp, i, mask, 64, false);

    static void ExtractS64(Warp warp, Instruction* i, uint mask) => Extract(warp, i, mask, 64, true);

    /// <summary>Puts the low bits of a at a position of b.</summary>
    static ulong Inserted(ulong a, ulong b, uint position, uint length, int width)
    {
        int at = (int)(position & 255), count = (int)(length & 255);
        for (int bit = 0; bit < count && at + bit < width; bit++)
            b = (b & ~(1ul << (at + bit))) | ((a >> bit & 1) << (at + bit));
        return b;
    }

    static void Insert32(Warp warp, Instruction* i, uint mask)
    {
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            warp.Words(i->Destination)[lane] =
                (uint)Inserted(warp.Words(i->A)[lane], warp.Words(i->B)[lane], warp.Words(i->C)[lane], warp.Words(i->D)[lane], 32);
        }
    }

    static void Insert64(Warp warp, Instruction* i, uint mask)
    {
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            warp.Longs(i->Destination)[lane] =
                Inserted(warp.Longs(i->A)[lane], warp.Longs(i->B)[lane], warp.Words(i->C)[lane], warp.Words(i->D)[lane], 64);
        }
    }

    /// <summary>Each nibble of c picks a byte of {b, a}; its high bit replicates the byte's sign.</summary>
    readonly struct Permute : ITernary<uint, uint, uint>
    {
        public static uint Apply(uint a, uint b, uint c)
        {
            ulong bytes = ((ulong)b << 32) | a;
            uint result = 0;
            for (int k = 0; k < 4; k++)
            {
                uint pick = c >> (4 * k), value = (uint)(bytes >> (int)((pick & 7) * 8)) & 0xff;
                if ((pick & 8) != 0)
                    value = (value & 0x80) != 0 ? 0xffu : 0;
                result |= value << (8 * k);
            }
            return result;
        }
    }

    readonly struct Difference<T> : ITernary<T, T, T> where T : IBinaryInteger<T>
    {
        public static T Apply(T a, T b, T c) => unchecked(c + (a < b ? b - a : a - b));
    }
}
