using System.Numerics;

namespace PerturbedForgetting.Tests.Simulator.Instructions;

/// <summary>A binary floating-point format.</summary>
/// <param name="Precision">Bits of the significand with the hidden one.</param>
/// <param name="Exponent">Bits of the exponent.</param>
sealed record Format(int Precision, int Exponent)
{
    public static readonly Format Half = new(11, 5), Brain = new(8, 8), Tensor = new(11, 8), Single = new(24, 8), Double = new(53, 11);

    int Fraction => Precision - 1;

    int Bias => (1 << (Exponent - 1)) - 1;

    ulong Sign => 1ul << (Fraction + Exponent);

    ulong Infinity => ((1ul << Exponent) - 1) << Fraction;

    public bool IsNaN(ulong bits) => (bits & ~Sign) > Infinity;

    public bool IsInfinite(ulong bits) => (bits & ~Sign) == Infinity;

    public bool IsNegative(ulong bits) => (bits & Sign) != 0;

    public bool IsFinite(ulong bits) => (bits & ~Sign) < Infinity;

    public ulong NaN => Infinity | (1ul << (Fraction - 1));

    public ulong Zero(bool isNegative) => isNegative ? Sign : 0;

    public ulong Infinite(bool isNegative) => isNegative ? Sign | Infinity : Infinity;

    public ulong Flush(ulong bits) => (bits & Infinity) == 0 ? bits & Sign : bits;

    /// <summary>The value of a finite number.</summary>
    public Exact Value(ulong bits)
    {
        ulong fraction = bits & ((1ul << Fraction) - 1);
        int exponent = (int)((bits & Infinity) >> Fraction);
        BigInteger digits = exponent == 0 ? fraction : fraction | (1ul << Fraction);
        return new Exact(IsNegative(bits) ? -digits : digits, Math.Max(exponent, 1) - Bias - Fraction);
    }

    /// <summary>Rounds a number (IEEE 754, section 4.3). A remainder, if any, is less than one unit of the digits and points away from
    /// zero.</summary>
    /// <param name="value">The number.</param>
    /// <param name="hasRemainder">The magnitude is a little greater than that of <paramref name="value"/>.</param>
    /// <param name="rounding">rn, rz, rm, rp or rna.</param>
    /// <param name="isNegative">The sign of a zero.</param>
    public ulong Round(Exact value, string rounding, bool isNegative = false, bool hasRemainder = false)
    {
        BigInteger magnitude = BigInteger.Abs(value.Digits);
        if (magnitude.IsZero && !hasRemainder)
            return Zero(isNegative);
        isNegative = value.Digits.Sign < 0 || (magnitude.IsZero && isNegative);
        int least = 1 - Bias - Fraction, length = (int)magnitude.GetBitLength();
        int unit = Math.Max(least, value.Exponent + length - Precision);
        int drop = unit - value.Exponent;
        BigInteger kept = drop > 0 ? magnitude >> drop : magnitude << -drop, rest = drop > 0 ? magnitude - (kept << drop) : 0;
        int half = drop > 0 ? (2 * rest).CompareTo(BigInteger.One << drop) : -1;
        bool isInexact = !rest.IsZero || hasRemainder;
        if (hasRemainder && half == 0)
            half = 1;
        bool up = rounding switch
        {
            "rz" => false,
            "rm" => isNegative && isInexact,
            "rp" => !isNegative && isInexact,
            "rna" => half >= 0 && drop > 0,
            _ => half > 0 || (half == 0 && !kept.IsEven),
        };
        kept += up ? 1 : 0;
        if (kept == BigInteger.One << Precision)
            (kept, unit) = (kept >> 1, unit + 1);
        int exponent = kept >= BigInteger.One << Fraction ? unit - least + 1 : 0;
        ulong sign = isNegative ? Sign : 0;
        if (exponent >= (1 << Exponent) - 1)
            return sign | (rounding == "rz" || rounding == (isNegative ? "rp" : "rm") ? Infinity - 1 : Infinity);
        return sign | ((ulong)exponent << Fraction) | ((ulong)kept & ((1ul << Fraction) - 1));
    }
}

/// <summary>digits·2^exponent, exactly.</summary>
readonly record struct Exact(BigInteger Digits, int Exponent)
{
    public static Exact operator +(Exact a, Exact b)
    {
        int least = Math.Min(a.Exponent, b.Exponent);
        return new Exact((a.Digits << (a.Exponent - least)) + (b.Digits << (b.Exponent - least)), least);
    }

    public static Exact operator *(Exact a, Exact b) => new(a.Digits * b.Digits, a.Exponent + b.Exponent);

    public static Exact operator -(Exact a) => new(-a.Digits, a.Exponent);

    /// <summary>The integer that a rounding gives.</summary>
    public BigInteger Integer(string rounding)
    {
        if (Exponent >= 0)
            return Digits << Exponent;
        BigInteger unit = BigInteger.One << -Exponent, floor = Digits >> -Exponent, twice = 2 * (Digits - (floor * unit));
        return rounding switch
        {
            "rzi" => BigInteger.Divide(Digits, unit),
            "rmi" => floor,
            "rpi" => twice.IsZero ? floor : floor + 1,
            _ => twice < unit || (twice == unit && floor.IsEven) ? floor : floor + 1,
        };
    }
}
