using PerturbedForgetting.Simulator.Ptx;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>How a result that is no number of the type becomes one (PTX ISA, "Floating Point Rounding Modifiers").</summary>
enum Rounding : byte
{
    NearestEven,
    Zero,
    Down,
    Up,
    /// <summary>To nearest, ties away from zero; of tf32.</summary>
    NearestAway,
}

/// <summary>Floating-point numbers as bits: every type is widened to float64 exactly and rounded from it once.</summary>
static class FloatFormat
{
    /// <summary>A canonical NaN of the 16-bit types.</summary>
    const ushort NotANumber = 0x7fff;

    public static double Widen(PtxType type, ulong bits) => type switch
    {
        PtxType.F16 => (double)BitConverter.UInt16BitsToHalf((ushort)bits),
        PtxType.BF16 => BitConverter.UInt32BitsToSingle((uint)(bits & 0xffff) << 16),
        PtxType.F32 => BitConverter.UInt32BitsToSingle((uint)bits),
        _ => BitConverter.UInt64BitsToDouble(bits),
    };

    /// <summary>The nearest number of a type, ties to even.</summary>
    public static ulong Nearest(PtxType type, double value) => type switch
    {
        PtxType.F16 => ToHalf(value),
        PtxType.BF16 => ToBrain(value),
        PtxType.F32 => BitConverter.SingleToUInt32Bits((float)value),
        _ => BitConverter.DoubleToUInt64Bits(value),
    };

    public static ushort ToHalf(double value) => double.IsNaN(value) ? NotANumber : BitConverter.HalfToUInt16Bits((Half)value);

    public static ushort ToBrain(double value)
    {
        if (double.IsNaN(value))
            return NotANumber;
        var single = (float)value;
        uint bits = BitConverter.SingleToUInt32Bits(single);
        // Rounded to odd, float32 still tells on which side of a tie the value lies.
        if (single != value && (bits & 1) == 0)
            bits = Math.Abs(value) > Math.Abs((double)single) ? bits + 1 : bits - 1;
        return (ushort)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
    }

    /// <summary>A number rounded as told.</summary>
    public static ulong Round(PtxType type, double value, Rounding rounding)
    {
        ulong nearest = Nearest(type, value);
        return rounding == Rounding.NearestEven || !double.IsFinite(value) ? nearest
            : Directed(nearest, double.IsNegative(value), value.CompareTo(Widen(type, nearest)), rounding);
    }

    /// <summary>Moves the bits of a result that was rounded to nearest by one unit where a directed rounding asks for it.</summary>
    /// <param name="nearest">The bits: sign, then magnitude.</param>
    /// <param name="isNegative">The result's sign.</param>
    /// <param name="error">Sign of the exact value less the nearest.</param>
    /// <param name="rounding">Zero, down or up.</param>
    public static ulong Directed(ulong nearest, bool isNegative, int error, Rounding rounding)
    {
        bool isAway = rounding == (isNegative ? Rounding.Down : Rounding.Up);
        int missing = isNegative ? -error : error;
        return missing > 0 && isAway ? nearest + 1 : missing < 0 && !isAway ? nearest - 1 : nearest;
    }

    /// <summary>tf32: 10 bits of mantissa in a float32.</summary>
    public static uint ToTensorFloat(float value, Rounding rounding)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        if (float.IsNaN(value))
            return 0x7fff_ffff;
        bits += rounding switch { Rounding.NearestAway => 0x1000, Rounding.NearestEven => 0xfff + (bits >> 13 & 1), _ => 0 };
        return bits & 0xffff_e000;
    }

    /// <summary>a·b + c of numbers of at most 24 bits, in float64 and rounded to odd: rounding that once more to a type of at most 24 bits
    /// gives what rounding the exact value gives.</summary>
    public static double FusedToOdd(double a, double b, double c)
    {
        double product = a * b, sum = product + c;
        if (!double.IsFinite(sum))
            return sum;
        double part = sum - product, error = (product - (sum - part)) + (c - part);
        long bits = BitConverter.DoubleToInt64Bits(sum);
        return error == 0 || (bits & 1) != 0 ? sum : BitConverter.Int64BitsToDouble(error > 0 == sum > 0 ? bits + 1 : bits - 1);
    }
}
