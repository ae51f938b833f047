using System.Globalization;

namespace PerturbedForgetting.Training.Options;

/// <summary>
/// The values people write after <c>--model-kwargs key=</c>: whole numbers, numbers, True, False, None, quoted text, lists in
/// brackets or parentheses; anything else is text.
/// </summary>
static class PythonLiteral
{
    const int MaxDepth = 8;

    /// <summary>Parses a value.</summary>
    /// <exception cref="FormatException">A list is not closed or too deep.</exception>
    public static object? Parse(string text) => Parse(text.Trim(), 0);

    /// <summary>The value as it would be written.</summary>
    public static string Format(object? value) => value switch
    {
        null => "None",
        bool flag => flag ? "True" : "False",
        double number => FormatNumber(number),
        object?[] items => $"[{string.Join(',', items.Select(Format))}]",
        string text => NeedsQuotes(text) ? (text.Contains('\'') ? $"\"{text}\"" : $"'{text}'") : text,
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };

    /// <summary>The shortest digits that read back as the same number, marked as one that need not be whole.</summary>
    static string FormatNumber(double number)
    {
        string digits = number.ToString("R", CultureInfo.InvariantCulture);
        return digits.AsSpan().IndexOfAny('.', 'E') < 0 ? digits + ".0" : digits;
    }

    /// <summary>Whether the bare text would be read as something else.</summary>
    static bool NeedsQuotes(string text) => text.AsSpan().IndexOfAny(",[]()'\"") >= 0 || Parse(text) is not string same || same != text;

    static object? Parse(string text, int depth)
    {
        if (depth > MaxDepth)
            throw new FormatException($"lists are nested more than {MaxDepth} deep.");
        if (text.Length > 0 && text[0] is '[' or '(')
            return ParseList(text, depth);
        if (text.Length >= 2 && text[0] is '\'' or '"' && text[^1] == text[0])
            return text[1..^1];
        if (text is "None" or "null")
            return null;
        if (bool.TryParse(text, out bool flag))
            return flag;
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long whole))
            return whole;
        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && double.IsFinite(number))
            return number;
        return text;
    }

    static object?[] ParseList(string text, int depth)
    {
        char close = text[0] == '[' ? ']' : ')';
        if (text.Length < 2 || text[^1] != close)
            throw new FormatException($"the list is not closed with '{close}'.");
        List<object?> items = [];
        int open = 0, start = 1;
        char quote = '\0';
        for (int i = 1; i < text.Length; i++)
        {
            char c = text[i];
            if (quote != '\0')
                quote = c == quote ? '\0' : quote;
            else if (c is '\'' or '"')
                quote = c;
            else if (c is '[' or '(')
                open++;
            else if ((c == ',' && open == 0) || i == text.Length - 1)
            {
                string item = text[start..i].Trim();
                // A comma before the end closes a one-item tuple.
                if (item.Length > 0 || i < text.Length - 1)
                    items.Add(Parse(item, depth + 1));
                start = i + 1;
            }
            else if (c is ']' or ')')
                open--;
        }
        if (open != 0 || quote != '\0')
            throw new FormatException("brackets or quotes do not match.");
        return [.. items];
    }
}
