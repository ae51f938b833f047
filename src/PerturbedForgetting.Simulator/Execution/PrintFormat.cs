using System.Globalization;
using System.Text;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>The formats of C's <c>printf</c> that device code has: <c>%[flags][width][.precision][h|l|ll]</c> and one of
/// <c>d i u o x X c s p f F e E g G %</c>. What is none of them is printed as it stands.</summary>
static class PrintFormat
{
    /// <summary>A conversion, as its text says.</summary>
    readonly record struct Conversion(string Flags, int Width, int Precision, bool IsLong, char Type)
    {
        public bool Has(char flag) => Flags.Contains(flag);
    }

    /// <summary>The text that a format makes of its arguments.</summary>
    /// <param name="format">The format.</param>
    /// <param name="arguments">Values of the conversions in order.</param>
    /// <param name="count">Number of arguments that were printed.</param>
    public static string Apply(string format, PrintArguments arguments, out int count)
    {
        var text = new StringBuilder();
        count = 0;
        for (int at = 0; at < format.Length;)
        {
            int begin = at;
            if (format[at++] != '%')
            {
                text.Append(format[begin]);
                continue;
            }
            Conversion conversion = Read(format, ref at, ref arguments);
            if (conversion.Type == '%')
                text.Append('%');
            else if ("diuoxXcspfFeEgG".Contains(conversion.Type))
            {
                text.Append(Pad(conversion, Value(conversion, ref arguments)));
                count++;
            }
            else
                text.Append(format, begin, at - begin);
        }
        return text.ToString();
    }

    static Conversion Read(string format, ref int at, ref PrintArguments arguments)
    {
        int begin = at;
        while (at < format.Length && "-+ #0".Contains(format[at]))
            at++;
        string flags = format[begin..at];
        int width = Number(format, ref at, ref arguments) ?? 0, precision = -1;
        if (at < format.Length && format[at] == '.')
        {
            at++;
            precision = Number(format, ref at, ref arguments) ?? 0;
        }
        bool isLong = false;
        for (; at < format.Length && "hlzjt".Contains(format[at]); at++)
            isLong |= format[at] != 'h';
        // A negative width, which can only be an argument, aligns to the left.
        return new(width < 0 ? flags + '-' : flags, Math.Abs(width), precision, isLong, at < format.Length ? format[at++] : ' ');
    }

    static int? Number(string format, ref int at, ref PrintArguments arguments)
    {
        if (at < format.Length && format[at] == '*')
        {
            at++;
            return arguments.Next<int>();
        }
        int begin = at;
        while (at < format.Length && char.IsAsciiDigit(format[at]))
            at++;
        return int.TryParse(format.AsSpan(begin, at - begin), CultureInfo.InvariantCulture, out int number) ? Math.Min(number, 1024) : null;
    }

    static string Value(Conversion c, ref PrintArguments arguments)
    {
        switch (c.Type)
        {
            case 'd' or 'i':
                long signed = c.IsLong ? arguments.Next<long>() : arguments.Next<int>();
                return Sign(c, signed < 0) + Digits(c, (UInt128)Int128.Abs(signed));
            case 'u' or 'o' or 'x' or 'X':
                return Digits(c, c.IsLong ? arguments.Next<ulong>() : arguments.Next<uint>());
            case 'c':
                return ((char)(byte)arguments.Next<int>()).ToString();
            case 's':
                string text = arguments.NextText();
                return c.Precision >= 0 && c.Precision < text.Length ? text[..c.Precision] : text;
            case 'p':
                return $"0x{arguments.Next<ulong>():x}";
            default:
                return Real(c, arguments.Next<double>());
        }
    }

    static string Sign(Conversion c, bool isNegative) => isNegative ? "-" : c.Has('+') ? "+" : c.Has(' ') ? " " : "";

    static string Digits(Conversion c, UInt128 value)
    {
        string digits = c.Type switch
        {
            'x' => value.ToString("x", CultureInfo.InvariantCulture),
            'X' => value.ToString("X", CultureInfo.InvariantCulture),
            'o' => Convert.ToString((long)(ulong)value, 8),
            _ => value.ToString(CultureInfo.InvariantCulture),
        };
        string prefix = !c.Has('#') || value == 0 ? "" : c.Type switch { 'x' => "0x", 'X' => "0X", 'o' => "0", _ => "" };
        return prefix + digits.PadLeft(Math.Max(c.Precision, 0), '0');
    }

    static string Real(Conversion c, double value)
    {
        string sign = Sign(c, double.IsNegative(value));
        bool isUpper = char.IsUpper(c.Type);
        if (!double.IsFinite(value))
            return sign + (double.IsNaN(value) ? isUpper ? "NAN" : "nan" : isUpper ? "INF" : "inf");
        int precision = c.Precision < 0 ? 6 : c.Precision;
        value = Math.Abs(value);
        return sign + char.ToLowerInvariant(c.Type) switch
        {
            'f' => value.ToString($"F{precision}", CultureInfo.InvariantCulture),
            'e' => Exponential(value, precision, isUpper),
            _ => General(value, Math.Max(precision, 1), isUpper, c.Has('#')),
        };
    }

    // Of the exponent at least two digits.
    static string Exponential(double value, int precision, bool isUpper)
    {
        string digits = new('0', precision);
        return value.ToString(precision == 0 ? isUpper ? "0E+00" : "0e+00" : $"0.{digits}{(isUpper ? 'E' : 'e')}+00",
            CultureInfo.InvariantCulture);
    }

    static string General(double value, int precision, bool isUpper, bool keepsZeros)
    {
        string exponential = Exponential(value, precision - 1, isUpper);
        int split = exponential.IndexOfAny(['e', 'E']), exponent = int.Parse(exponential.AsSpan(split + 1), CultureInfo.InvariantCulture);
        if (exponent < -4 || exponent >= precision)
            return keepsZeros ? exponential : Trim(exponential[..split]) + exponential[split..];
        string plain = value.ToString($"F{precision - 1 - exponent}", CultureInfo.InvariantCulture);
        return keepsZeros ? plain : Trim(plain);
    }

    static string Trim(string digits) => digits.Contains('.') ? digits.TrimEnd('0').TrimEnd('.') : digits;

    static string Pad(Conversion c, string value)
    {
        if (c.Has('-'))
            return value.PadRight(c.Width);
        bool isNumber = !"csp".Contains(c.Type) && (value.Length == 0 || char.IsAsciiHexDigit(value[^1]));
        if (!c.Has('0') || !isNumber || value.Length >= c.Width || ("diuoxX".Contains(c.Type) && c.Precision >= 0))
            return value.PadLeft(c.Width);
        int sign = value[0] is '-' or '+' or ' ' ? 1 : 0;
        int prefix = c.Type is 'x' or 'X' && c.Has('#') && value.AsSpan(sign).StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? 2
            : 0;
        return value.Insert(sign + prefix, new string('0', c.Width - value.Length));
    }
}
