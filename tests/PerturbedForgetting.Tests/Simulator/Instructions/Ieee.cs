using System.Numerics;

namespace PerturbedForgetting.Tests.Simulator.Instructions;

/// <summary>Arithmetic as IEEE 754 and the PTX ISA define it, on the bits of numbers, without the host's floating point.</summary>
static class Ieee
{
    /// <summary>a·b + c, rounded once.</summary>
    public static ulong Fused(Format f, ulong a, ulong b, ulong c, string rounding)
    {
        bool isNegative = f.IsNegative(a) != f.IsNegative(b);
        if (f.IsNaN(a) || f.IsNaN(b) || f.IsNaN(c))
            return f.NaN;
        if (f.IsInfinite(a) || f.IsInfinite(b))
        {
            bool isZero = (f.IsFinite(a) && f.Value(a).Digits.IsZero) || (f.IsFinite(b) && f.Value(b).Digits.IsZero);
            return isZero || (f.IsInfinite(c) && f.IsNegative(c) != isNegative) ? f.NaN : f.Infinite(isNegative);
        }
        if (f.IsInfinite(c))
            return c;
        bool isZeroNegative = isNegative == f.IsNegative(c) ? isNegative : rounding == "rm";
        return f.Round((f.Value(a) * f.Value(b)) + f.Value(c), rounding, isZeroNegative);
    }

    public static ulong Add(Format f, ulong a, ulong b, string rounding)
    {
        if (f.IsNaN(a) || f.IsNaN(b) || (f.IsInfinite(a) && f.IsInfinite(b) && f.IsNegative(a) != f.IsNegative(b)))
            return f.NaN;
        if (f.IsInfinite(a) || f.IsInfinite(b))
            return f.IsInfinite(a) ? a : b;
        return f.Round(f.Value(a) + f.Value(b), rounding, f.IsNegative(a) == f.IsNegative(b) ? f.IsNegative(a) : rounding == "rm");
    }

    public static ulong Negate(Format f, ulong a) => a ^ f.Zero(true);

    public static ulong Multiply(Format f, ulong a, ulong b, string rounding)
    {
        bool isNegative = f.IsNegative(a) != f.IsNegative(b);
        return f.IsFinite(a) && f.IsFinite(b)
            ? f.Round(f.Value(a) * f.Value(b), rounding, isNegative)
            : Fused(f, a, b, f.Zero(isNegative), rounding);
    }

    public static ulong Divide(Format f, ulong a, ulong b, string rounding)
    {
        bool isNegative = f.IsNegative(a) != f.IsNegative(b);
        if (f.IsNaN(a) || f.IsNaN(b) || (f.IsInfinite(a) && f.IsInfinite(b)))
            return f.NaN;
        if (f.IsInfinite(a) || f.IsInfinite(b))
            return f.IsInfinite(a) ? f.Infinite(isNegative) : f.Zero(isNegative);
        Exact x = f.Value(a), y = f.Value(b);
        if (y.Digits.IsZero)
            return x.Digits.IsZero ? f.NaN : f.Infinite(isNegative);
        const int More = 120;
        BigInteger quotient = BigInteger.DivRem(BigInteger.Abs(x.Digits) << More, BigInteger.Abs(y.Digits), out BigInteger rest);
        return f.Round(new Exact(isNegative ? -quotient : quotient, x.Exponent - y.Exponent - More), rounding, isNegative, !rest.IsZero);
    }

    public static ulong Root(Format f, ulong a, string rounding)
    {
        if (f.IsNaN(a) || (f.IsNegative(a) && !(f.IsFinite(a) && f.Value(a).Digits.IsZero)))
            return f.NaN;
        if (f.IsInfinite(a) || f.Value(a).Digits.IsZero)
            return a;
        Exact x = f.Value(a);
        int more = 140 + (x.Exponent & 1);
        BigInteger scaled = x.Digits << more, root = SquareRoot(scaled);
        return f.Round(new Exact(root, (x.Exponent - more) / 2), rounding, false, root * root != scaled);
    }

    /// <summary>The greatest integer whose square is not greater (Newton).</summary>
    static BigInteger SquareRoot(BigInteger value)
    {
        BigInteger root = BigInteger.One << (int)((value.GetBitLength() + 1) / 2);
        while (true)
        {
            BigInteger next = (root + (value / root)) >> 1;
            if (next >= root)
                return root;
            root = next;
        }
    }

    /// <summary>The lesser, the greater: a number beats NaN unless NaN is asked for, and -0 is less than 0.</summary>
    public static ulong Extreme(Format f, ulong a, ulong b, bool isGreatest, bool keepsNaN)
    {
        if (f.IsNaN(a) || f.IsNaN(b))
            return keepsNaN || (f.IsNaN(a) && f.IsNaN(b)) ? f.NaN : f.IsNaN(a) ? b : a;
        return (Order(f, a) < Order(f, b)) != isGreatest ? a : b;
    }

    /// <summary>A number that orders the numbers, -0 before 0.</summary>
    public static long Order(Format f, ulong bits) => f.IsNegative(bits) ? -1 - (long)(bits ^ f.Zero(true)) : (long)bits;

    /// <summary>Into [0, 1]; NaN becomes 0.</summary>
    public static ulong Saturate(Format f, ulong a) => f.IsNaN(a) || f.IsNegative(a) ? 0 : Math.Min(a, f.Round(new Exact(1, 0), "rn"));

    /// <summary>Negative numbers become 0.</summary>
    public static ulong Clamp(Format f, ulong a) => !f.IsNaN(a) && f.IsNegative(a) ? 0 : a;
}
