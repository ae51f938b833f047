using System.Globalization;

namespace PerturbedForgetting.Training.Options;

/// <summary>Option values as text: parsing what was typed, and showing a value.</summary>
public static class OptionValue
{
    /// <summary>Parses the texts that were given for an option.</summary>
    /// <param name="spec">The option.</param>
    /// <param name="tokens">The texts; for an option that takes one, the last one counts.</param>
    /// <exception cref="OptionException">A text is not what the option takes.</exception>
    public static object Parse(OptionSpec spec, IReadOnlyList<string> tokens)
    {
        if (tokens.Count == 0)
            throw Wrong(spec, "needs a value.");
        return spec.Kind switch
        {
            OptionKind.Text => tokens[^1],
            OptionKind.Integer => ParseInteger(spec, tokens[^1]),
            OptionKind.Number => ParseNumber(spec, tokens[^1]),
            OptionKind.Switch => bool.TryParse(tokens[^1], out bool value)
                ? value
                : throw Wrong(spec, $"takes true or false, got '{tokens[^1]}'."),
            OptionKind.Numbers => tokens.Select(t => ParseNumber(spec, t)).ToArray(),
            _ => ParsePairs(spec, tokens),
        };
    }

    /// <summary>A value as text, as it would be typed; <c>(not set)</c> for null.</summary>
    public static string Format(object? value) => value switch
    {
        null => "(not set)",
        "" => "(empty)",
        string text => text,
        bool flag => flag ? "on" : "off",
        double number => number.ToString("R", CultureInfo.InvariantCulture).Replace('E', 'e'),
        double[] numbers => string.Join(' ', numbers.Select(n => Format(n))),
        IReadOnlyDictionary<string, object?> { Count: 0 } => "(empty)",
        IReadOnlyDictionary<string, object?> pairs =>
            string.Join(' ', pairs.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => $"{p.Key}={PythonLiteral.Format(p.Value)}")),
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };

    internal static OptionException Wrong(OptionSpec spec, string what) => new(new OptionProblem(spec.Flag, what));

    static object ParseInteger(OptionSpec spec, string text) =>
        int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value)
            ? value
            : throw Wrong(spec, $"takes a whole number, got '{text}'.");

    static double ParseNumber(OptionSpec spec, string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && double.IsFinite(value)
            ? value
            : throw Wrong(spec, $"takes a number such as 0.1 or 1e-4, got '{text}'.");

    static Dictionary<string, object?> ParsePairs(OptionSpec spec, IReadOnlyList<string> tokens)
    {
        Dictionary<string, object?> pairs = new(StringComparer.Ordinal);
        foreach (string token in tokens)
        {
            int equals = token.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0)
                throw Wrong(spec, $"takes pairs key=value, got '{token}'.");
            try
            {
                pairs[token[..equals]] = PythonLiteral.Parse(token[(equals + 1)..]);
            }
            catch (FormatException e)
            {
                throw Wrong(spec, $"'{token}': {e.Message}");
            }
        }
        return pairs;
    }
}
