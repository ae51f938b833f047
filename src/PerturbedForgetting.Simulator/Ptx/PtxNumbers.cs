using System.Globalization;

namespace PerturbedForgetting.Simulator.Ptx;

/// <summary>Constants of PTX (PTX ISA, "Constants").</summary>
static class PtxNumbers
{
    /// <summary>Reads a constant; false when the text is none, or does not fit 64 bits.</summary>
    public static bool TryParse(string text, bool isNegative, out PtxConstant constant)
    {
        constant = new PtxConstant(0, PtxConstantKind.Integer);
        if (text.Length == 10 && text[0] == '0' && text[1] is 'f' or 'F')
        {
            if (!uint.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint single))
                return false;
            constant = new PtxConstant(isNegative ? single ^ 0x8000_0000 : single, PtxConstantKind.Single);
            return true;
        }
        if (text.Length == 18 && text[0] == '0' && text[1] is 'd' or 'D')
        {
            if (!ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong bits))
                return false;
            constant = new PtxConstant(isNegative ? bits ^ (1ul << 63) : bits, PtxConstantKind.Double);
            return true;
        }
        if (text.Contains('.'))
        {
            if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value))
                return false;
            constant = new PtxConstant(BitConverter.DoubleToUInt64Bits(isNegative ? -value : value), PtxConstantKind.Double);
            return true;
        }
        if (!TryInteger(text, out ulong integer))
            return false;
        constant = new PtxConstant(isNegative ? (ulong)-(long)integer : integer, PtxConstantKind.Integer);
        return true;
    }

    static bool TryInteger(ReadOnlySpan<char> text, out ulong value)
    {
        if (text.Length > 1 && text[^1] == 'U')
            text = text[..^1];
        if (text.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
            return ulong.TryParse(text[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
        if (text.StartsWith("0b", StringComparison.OrdinalIgnoreCase))
            return ulong.TryParse(text[2..], NumberStyles.AllowBinarySpecifier, CultureInfo.InvariantCulture, out value);
        if (text.Length > 1 && text[0] == '0')
            return TryOctal(text[1..], out value);
        return ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
    }

    static bool TryOctal(ReadOnlySpan<char> digits, out ulong value)
    {
        value = 0;
        foreach (char c in digits)
        {
            if (c is < '0' or > '7' || value >> 61 != 0)
                return false;
            value = (value << 3) | (uint)(c - '0');
        }
        return true;
    }
}
