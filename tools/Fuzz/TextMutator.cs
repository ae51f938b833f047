using System.Text;
using System.Text.RegularExpressions;

namespace PerturbedForgetting.Fuzz;

/// <summary>Changes JSON and CSV where they have a meaning: numbers, texts, nulls, nesting, lines; now and then bytes.</summary>
static partial class TextMutator
{
    static readonly string[] Values =
    [
        "null", "true", "false", "[]", "{}", "\"\"", "0", "-1", "1", "2147483647", "2147483648", "-2147483649", "9223372036854775808",
        "16777217", "1e308", "1e999", "-0", "0.1", "NaN", "Infinity", "1.0", "\"NaN\"", "\"Infinity\"", "\"x\"", "[null]", "{\"a\":null}",
        "[[[[]]]]", "\"\\u0000\"", "\"\\ud800\"", "01", "+1", "\"9999-99-99\"", "\"0001-01-01T00:00:00+14:00\"",
    ];

    static readonly string[] Marks =
        [",", ":", "\"", "{", "}", "[", "]", "\n", "\r\n", "\r", "\0", "\\", ";", "\t", " ", "\uFEFF", "é", "😀"];

    /// <summary>A mutant of one of the seeds.</summary>
    public static byte[] Mutate(IReadOnlyList<byte[]> seeds, Random random)
    {
        if (random.Next(5) == 0)
            return ByteMutator.Mutate(seeds, random);
        string text = Encoding.UTF8.GetString(seeds[random.Next(seeds.Count)]);
        int changes = random.Next(4) == 0 ? random.Next(2, 6) : 1;
        for (int i = 0; i < changes; i++)
            text = Change(text, random);
        return Encoding.UTF8.GetBytes(text);
    }

    /// <summary>A mutant of files with numbers in words before bytes that are none: now and then a number is another.</summary>
    public static byte[] MutateHeader(IReadOnlyList<byte[]> seeds, Random random)
    {
        if (random.Next(2) == 0)
            return ByteMutator.Mutate(seeds, random);
        // One character a byte, there and back.
        string text = Encoding.Latin1.GetString(seeds[random.Next(seeds.Count)]);
        int header = Math.Min(text.Length, 24);
        return Encoding.Latin1.GetBytes(Change(text[..header], random) + text[header..]);
    }

    static string Change(string text, Random random)
    {
        int at = random.Next(text.Length + 1);
        switch (random.Next(8))
        {
            case 0 or 1:
                return ReplaceToken(text, Values[random.Next(Values.Length)], random);
            case 2:
                return text.Insert(at, Marks[random.Next(Marks.Length)]);
            case 3:
                return text.Remove(at, Math.Min(random.Next(1, 40), text.Length - at));
            case 4:
                return text.Insert(at, text.Substring(at, Math.Min(random.Next(1, 80), text.Length - at)));
            case 5:
                return ReplaceToken(text, Nested(random), random);
            case 6:
                return ReplaceToken(text, '"' + new string('x', 1 << random.Next(18)) + '"', random);
            default:
                return ChangeLines(text, random);
        }
    }

    /// <summary>Puts something in the place of a number, a text or a word.</summary>
    static string ReplaceToken(string text, string by, Random random)
    {
        MatchCollection tokens = Token().Matches(text);
        if (tokens.Count == 0)
            return by;
        Match token = tokens[random.Next(tokens.Count)];
        return string.Concat(text.AsSpan(0, token.Index), by, text.AsSpan(token.Index + token.Length));
    }

    static string Nested(Random random)
    {
        int depth = 1 << random.Next(1, 15);
        return random.Next(2) == 0
            ? new string('[', depth) + new string(']', depth)
            : string.Concat(Enumerable.Repeat("{\"a\":", depth)) + "1" + new string('}', depth);
    }

    /// <summary>Removes, doubles or exchanges lines.</summary>
    static string ChangeLines(string text, Random random)
    {
        List<string> lines = [.. text.Split('\n')];
        int line = random.Next(lines.Count), other = random.Next(lines.Count);
        switch (random.Next(3))
        {
            case 0:
                lines.RemoveAt(line);
                break;
            case 1:
                lines.Insert(other, lines[line]);
                break;
            default:
                (lines[line], lines[other]) = (lines[other], lines[line]);
                break;
        }
        return string.Join('\n', lines);
    }

    [GeneratedRegex("\"[^\"]*\"|-?[0-9][0-9.eE+-]*|[A-Za-z_]+|\\[[^\\[\\]]*\\]")]
    private static partial Regex Token();
}
