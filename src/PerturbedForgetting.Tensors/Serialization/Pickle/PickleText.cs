using System.Globalization;
using System.Numerics;
using System.Text;

namespace PerturbedForgetting.Tensors.Serialization.Pickle;

/// <summary>The textual forms of values: those of protocol 0, and bytes that stand for text.</summary>
static class PickleText
{
    /// <summary>More digits than any whole number has that somebody needs; reading them takes the square of their number.</summary>
    const int MostDigits = 1000;

    static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Text of Python 2: UTF-8 where it can be, else one character a byte.</summary>
    public static string FromBytes(byte[] bytes)
    {
        try
        {
            return Strict.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            return Encoding.Latin1.GetString(bytes);
        }
    }

    /// <summary>UTF-8 in which Python lets surrogates pass; they become replacement characters here.</summary>
    public static string FromUtf8(byte[] bytes) => Encoding.UTF8.GetString(bytes);

    /// <summary>A whole number in decimal, with the L that Python 2 puts behind long ones.</summary>
    public static object? Whole(byte[] line)
    {
        string text = Encoding.Latin1.GetString(line).TrimEnd('L').Trim();
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value))
            return value;
        return text.Length <= MostDigits
            && BigInteger.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out BigInteger big)
            ? big
            : null;
    }

    /// <summary>A number as Python prints it; null where it is none.</summary>
    public static double? Real(byte[] line) => Encoding.Latin1.GetString(line).Trim() switch
    {
        "inf" => double.PositiveInfinity,
        "-inf" => double.NegativeInfinity,
        "nan" or "-nan" => double.NaN,
        var text => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) ? value : null,
    };

    /// <summary>A string in quotes with Python's escapes; null where it is none.</summary>
    public static byte[]? Quoted(byte[] line)
    {
        ReadOnlySpan<byte> text = line;
        text = text.Trim((byte)' ');
        if (text.Length < 2 || text[0] != text[^1] || text[0] is not ((byte)'\'' or (byte)'"'))
            return null;
        text = text[1..^1];
        var bytes = new List<byte>(text.Length);
        for (int i = 0; i < text.Length;)
        {
            if (text[i] != '\\')
                bytes.Add(text[i++]);
            else if (!Escape(text, ref i, bytes))
                return null;
        }
        return [.. bytes];
    }

    /// <summary>Text with the escapes \uXXXX and \UXXXXXXXX, one character a byte otherwise; null where an escape is malformed.</summary>
    public static string? RawUnicodeEscape(byte[] line)
    {
        var text = new StringBuilder(line.Length);
        for (int i = 0; i < line.Length; i++)
        {
            int digits = line[i] != '\\' || i + 1 == line.Length ? 0 : line[i + 1] switch { (byte)'u' => 4, (byte)'U' => 8, _ => 0 };
            if (digits == 0)
            {
                text.Append((char)line[i]);
                continue;
            }
            if (i + 2 + digits > line.Length || !uint.TryParse(line.AsSpan(i + 2, digits), NumberStyles.AllowHexSpecifier,
                CultureInfo.InvariantCulture, out uint code) || code > 0x10FFFF)
                return null;
            if (code > char.MaxValue)
                text.Append(char.ConvertFromUtf32((int)code));
            else
                text.Append((char)code);
            i += 1 + digits;
        }
        return text.ToString();
    }

    static bool Escape(ReadOnlySpan<byte> text, ref int i, List<byte> bytes)
    {
        if (i + 1 == text.Length)
            return false;
        byte kind = text[i + 1];
        i += 2;
        int single = "\\'\"abfnrtv".IndexOf((char)kind);
        if (single >= 0)
        {
            bytes.Add((byte)"\\'\"\a\b\f\n\r\t\v"[single]);
        }
        else if (kind == 'x')
        {
            if (i + 2 > text.Length || !byte.TryParse(text.Slice(i, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture,
                out byte value))
                return false;
            bytes.Add(value);
            i += 2;
        }
        else if (kind is >= (byte)'0' and <= (byte)'7')
        {
            int value = kind - '0';
            for (int more = 0; more < 2 && i < text.Length && text[i] is >= (byte)'0' and <= (byte)'7'; more++)
                value = (value << 3) + text[i++] - '0';
            bytes.Add((byte)value);
        }
        else
        {
            bytes.Add((byte)'\\');
            bytes.Add(kind);
        }
        return true;
    }
}
