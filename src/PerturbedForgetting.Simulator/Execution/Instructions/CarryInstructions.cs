using System.Numerics;
using PerturbedForgetting.Simulator.Ptx;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>Sums of many words (PTX ISA, "Extended-Precision Integer Arithmetic Instructions"): every lane has a carry flag, which
/// <c>.cc</c>
/// writes, and addc, subc and madc read; of a subtraction it is the borrow.</summary>
static unsafe class CarryInstructions
{
    [Flags]
    enum Options
    {
        None = 0,
        ReadsCarry = 1,
        WritesCarry = 2,
        Subtracts = 4,
    }

    public static IEnumerable<InstructionFamily> Families =>
    [
        new("addc", "addc{.cc}.{u|s}{32|64} d, a, b", Lower),
        new("subc", "subc{.cc}.{u|s}{32|64} d, a, b", Lower),
        new("madc", "madc.{lo|hi}{.cc}.{u|s}{32|64} d, a, b, c", Lower),
    ];

    public static void Lower(Lowering context, PtxInstruction instruction)
    {
        List<string> words = [.. instruction.Modifiers];
        string opcode = instruction.Opcode;
        bool writes = words.Remove("cc"), reads = opcode.EndsWith('c'), isProduct = opcode.StartsWith("mad", StringComparison.Ordinal);
        Options options = (reads ? Options.ReadsCarry : 0) | (writes ? Options.WritesCarry
            : 0) | (opcode.StartsWith("sub", StringComparison.Ordinal) ? Options.Subtracts : 0);
        delegate*<Warp, Instruction*, uint, void> handler = string.Join('.', words) switch
        {
            "u32" or "s32" when !isProduct => &Sum<uint, First<uint>>,
            "u64" or "s64" when !isProduct => &Sum<ulong, First<ulong>>,
            "lo.u32" or "lo.s32" when isProduct => &Sum<uint, Low<uint>>,
            "lo.u64" or "lo.s64" when isProduct => &Sum<ulong, Low<ulong>>,
            "hi.u32" when isProduct => &Sum<uint, IntegerInstructions.HighU32>,
            "hi.s32" when isProduct => &Sum<uint, HighS32>,
            "hi.u64" when isProduct => &Sum<ulong, IntegerInstructions.HighU64>,
            "hi.s64" when isProduct => &Sum<ulong, HighS64>,
            _ => throw context.Unknown(),
        };
        PtxType type = PtxTypes.Parse(words[^1]);
        int destination = context.Destination(0, type), a = context.Source(1, type), b = context.Source(2, type),
            c = isProduct ? context.Source(3, type) : b, flag = context.CarryFlag();
        ref Instruction i = ref context.Emit(handler, InstructionClass.Integer);
        (i.Destination, i.A, i.B, i.C, i.D, i.Flags) = (destination, a, b, c, flag, (int)options);
    }

    /// <summary>What is made of a and b, plus or minus c and the carry.</summary>
    static void Sum<T, TFirst>(Warp warp, Instruction* i, uint mask) where T : unmanaged, IBinaryInteger<T> where TFirst : struct,
        IBinary<T, T, T>
    {
        T* d = (T*)(warp.Registers + i->Destination), a = (T*)(warp.Registers + i->A), b = (T*)(warp.Registers + i->B),
            c = (T*)(warp.Registers + i->C);
        var options = (Options)i->Flags;
        uint carry = (options & Options.ReadsCarry) != 0 ? *warp.Words(i->D) : 0, carried = 0;
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            T first = TFirst.Apply(a[lane], b[lane]), second = c[lane], one = (carry >> lane & 1) != 0 ? T.One : T.Zero, result;
            bool isCarried;
            if ((options & Options.Subtracts) != 0)
            {
                result = unchecked(first - second - one);
                isCarried = first < second || (first == second && one != T.Zero);
            }
            else
            {
                result = unchecked(first + second + one);
                isCarried = result < first || (result == first && one != T.Zero);
            }
            d[lane] = result;
            carried |= isCarried ? 1u << lane : 0;
        }
        if ((options & Options.WritesCarry) != 0)
            LogicInstructions.SetPredicate(warp, i->D, carried, mask);
    }

    readonly struct First<T> : IBinary<T, T, T>
    {
        public static T Apply(T a, T b) => a;
    }

    readonly struct Low<T> : IBinary<T, T, T> where T : IBinaryInteger<T>
    {
        public static T Apply(T a, T b) => unchecked(a * b);
    }

    readonly struct HighS32 : IBinary<uint, uint, uint>
    {
        public static uint Apply(uint a, uint b) => (uint)IntegerInstructions.HighS32.Apply((int)a, (int)b);
    }

    readonly struct HighS64 : IBinary<ulong, ulong, ulong>
    {
        public static ulong Apply(ulong a, ulong b) => (ulong)IntegerInstructions.HighS64.Apply((long)a, (long)b);
    }
}
