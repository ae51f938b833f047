using System.Numerics;
using PerturbedForgetting.Simulator.Ptx;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>Arithmetic rounded toward zero, down or up (<c>.rz</c>, <c>.rm</c>, <c>.rp</c>): the result rounded to nearest is compared with
/// the exact one and moved by one unit where it lies on the wrong side.</summary>
static unsafe class DirectedInstructions
{
    enum Operation
    {
        Add,
        Subtract,
        Multiply,
        Fused,
        Divide,
        Reciprocal,
        Root,
    }

    /// <summary>Handler of a directed operation and what belongs in <see cref="Instruction.Immediate"/>; null when there is none.</summary>
    public static delegate*<Warp, Instruction*, uint, void> Handler(string opcode, PtxType type, Rounding rounding, out long immediate)
    {
        int operation = opcode switch
        {
            "add" => (int)Operation.Add,
            "sub" => (int)Operation.Subtract,
            "mul" => (int)Operation.Multiply,
            "mad" or "fma" => (int)Operation.Fused,
            "div" => (int)Operation.Divide,
            "rcp" => (int)Operation.Reciprocal,
            "sqrt" => (int)Operation.Root,
            _ => -1,
        };
        immediate = (uint)operation | ((long)rounding << 32);
        return operation < 0 ? null : type switch { PtxType.F32 => &Run<float>, PtxType.F64 => &Run<double>, _ => null };
    }

    static void Run<T>(Warp warp, Instruction* i, uint mask) where T : unmanaged, IFloatingPointIeee754<T>
    {
        T* d = (T*)(warp.Registers + i->Destination), a = (T*)(warp.Registers + i->A);
        T* b = i->B < 0 ? a : (T*)(warp.Registers + i->B), c = i->C < 0 ? a : (T*)(warp.Registers + i->C);
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            d[lane] = Apply((Operation)(uint)i->Immediate, (Rounding)(i->Immediate >> 32), a[lane], b[lane], c[lane]);
        }
    }

    static T Apply<T>(Operation operation, Rounding rounding, T a, T b, T c) where T : IFloatingPointIeee754<T> => operation switch
    {
        Operation.Add => Fused(a, T.One, b, rounding),
        Operation.Subtract => Fused(a, T.One, -b, rounding),
        Operation.Multiply => Fused(a, b, T.IsNegative(a) != T.IsNegative(b) ? T.NegativeZero : T.Zero, rounding),
        Operation.Fused => Fused(a, b, c, rounding),
        Operation.Divide => Quotient(a, b, rounding),
        Operation.Reciprocal => Quotient(T.One, a, rounding),
        _ => Root(a, rounding),
    };

    static T Fused<T>(T a, T b, T c, Rounding rounding) where T : IFloatingPointIeee754<T>
    {
        T nearest = T.FusedMultiplyAdd(a, b, c);
        if (!T.IsFinite(a) || !T.IsFinite(b) || !T.IsFinite(c))
            return nearest;
        // An exact zero out of terms of both signs is -0 only when rounded down.
        bool isMixed = T.IsNegative(a) != T.IsNegative(b) != T.IsNegative(c);
        int error = Error(nearest, () => Sign(a, b, c, nearest));
        return error == 0 && T.IsZero(nearest) && isMixed ? rounding == Rounding.Down ? T.NegativeZero : T.Zero
            : Move(nearest, error, rounding);
    }

    static T Quotient<T>(T a, T b, Rounding rounding) where T : IFloatingPointIeee754<T>
    {
        T nearest = a / b;
        if (!T.IsFinite(a) || !T.IsFinite(b) || T.IsZero(b))
            return nearest;
        return Move(nearest, Error(nearest, () => Sign(-nearest, b, a, T.Zero) * T.Sign(b)), rounding);
    }

    static T Root<T>(T a, Rounding rounding) where T : IFloatingPointIeee754<T>
    {
        T nearest = T.Sqrt(a);
        return T.IsFinite(nearest) ? Move(nearest, Sign(-nearest, nearest, a, T.Zero), rounding) : nearest;
    }

    /// <summary>Sign of the exact value less the nearest number, which is infinite only when the exact value is too large.</summary>
    static int Error<T>(T nearest, Func<int> sign) where T : IFloatingPointIeee754<T> => T.IsInfinity(nearest) ? -T.Sign(nearest) : sign();

    static T Move<T>(T nearest, int error, Rounding rounding) where T : IFloatingPointIeee754<T>
    {
        bool isAway = rounding == (T.IsNegative(nearest) ? Rounding.Down : Rounding.Up);
        int missing = T.IsNegative(nearest) ? -error : error;
        bool isGrowing = missing > 0 && isAway, isShrinking = missing < 0 && !isAway;
        return isGrowing || isShrinking ? isGrowing != T.IsNegative(nearest) ? T.BitIncrement(nearest) : T.BitDecrement(nearest) : nearest;
    }

    /// <summary>Sign of a·b + c - d, exactly.</summary>
    static int Sign<T>(T a, T b, T c, T d) where T : IFloatingPointIeee754<T>
    {
        (BigInteger Digits, int Exponent) x = Split(double.CreateChecked(a)), y = Split(double.CreateChecked(b));
        (BigInteger Digits, int Exponent)[] terms =
            [(x.Digits * y.Digits, x.Exponent + y.Exponent), Split(double.CreateChecked(c)), Split(-double.CreateChecked(d))];
        int least = terms.Min(term => term.Exponent);
        return terms.Aggregate(BigInteger.Zero, (sum, term) => sum + (term.Digits << (term.Exponent - least))).Sign;
    }

    /// <summary>A finite number as digits·2^exponent.</summary>
    static (BigInteger Digits, int Exponent) Split(double value)
    {
        ulong bits = BitConverter.DoubleToUInt64Bits(value), fraction = bits & 0xf_ffff_ffff_ffff;
        int exponent = (int)(bits >> 52 & 0x7ff);
        BigInteger digits = exponent == 0 ? fraction : fraction | (1ul << 52);
        return (double.IsNegative(value) ? -digits : digits, Math.Max(exponent, 1) - 1075);
    }
}
