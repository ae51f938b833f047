using System.Globalization;

namespace PerturbedForgetting.Vision.Datasets.WebDataset;

/// <summary>Expands braces as shells do: <c>train-{000..146}.tar</c>, <c>{a,b}/x.tar</c>, <c>{0..8..2}</c>, nested ones too. Braces
/// that are neither a list nor a range stand for themselves.</summary>
static class BraceExpansion
{
    /// <summary>More names than any set has shards.</summary>
    const int Most = 1 << 20;

    /// <summary>All names that a pattern stands for, in its order.</summary>
    /// <exception cref="DatasetException">They are too many.</exception>
    public static List<string> Expand(string pattern)
    {
        List<string> names = [];
        Expand("", pattern, pattern, names);
        return names;
    }

    static void Expand(string done, string rest, string pattern, List<string> names)
    {
        for (int open = rest.IndexOf('{'); open >= 0; open = rest.IndexOf('{', open + 1))
        {
            int close = Closing(rest, open);
            if (close < 0 || Choices(rest[(open + 1)..close]) is not { } choices)
                continue;
            string before = done + rest[..open], behind = rest[(close + 1)..];
            foreach (string choice in choices)
            {
                // A choice may hold braces of its own.
                List<string> inner = choice.Contains('{') ? Expand(choice) : [choice];
                foreach (string text in inner)
                    Expand(before + text, behind, pattern, names);
            }
            return;
        }
        names.Add(done + rest);
        if (names.Count > Most)
            throw new DatasetException($"'{pattern}' stands for more than {Most} names; correct its braces", wrongOption: true);
    }

    static int Closing(string text, int open)
    {
        int depth = 0;
        for (int i = open; i < text.Length; i++)
        {
            depth += text[i] == '{' ? 1 : text[i] == '}' ? -1 : 0;
            if (depth == 0)
                return i;
        }
        return -1;
    }

    static IEnumerable<string>? Choices(string inside)
    {
        if (Range(inside) is { } range)
            return range;
        List<string> choices = [];
        int depth = 0, start = 0;
        for (int i = 0; i < inside.Length; i++)
        {
            depth += inside[i] == '{' ? 1 : inside[i] == '}' ? -1 : 0;
            if (inside[i] == ',' && depth == 0)
            {
                choices.Add(inside[start..i]);
                start = i + 1;
            }
        }
        choices.Add(inside[start..]);
        return choices.Count > 1 ? choices : null;
    }

    static IEnumerable<string>? Range(string inside)
    {
        string[] parts = inside.Split("..");
        int step = 1;
        if (parts.Length is not (2 or 3) || (parts.Length == 3 && (!IsNumber(parts[2], out step) || step == 0)))
            return null;
        if (parts[0] is [var a] && parts[1] is [var b] && char.IsAsciiLetter(a) && char.IsAsciiLetter(b))
            return Count(a, b, step).Select(static c => ((char)c).ToString());
        if (!IsNumber(parts[0], out int first) || !IsNumber(parts[1], out int last))
            return null;
        bool isPadded = parts[0] is ['0', _, ..] || parts[1] is ['0', _, ..];
        string format = isPadded ? $"D{Math.Max(parts[0].Length, parts[1].Length)}" : "D";
        return Count(first, last, step).Select(n => n.ToString(format, CultureInfo.InvariantCulture));
    }

    static IEnumerable<int> Count(int first, int last, int step)
    {
        for (long n = first; first <= last ? n <= last : n >= last; n += first <= last ? step : -step)
            yield return (int)n;
    }

    static bool IsNumber(string text, out int number) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
