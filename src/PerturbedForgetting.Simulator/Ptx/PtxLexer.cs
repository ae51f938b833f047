namespace PerturbedForgetting.Simulator.Ptx;

enum PtxTokenKind
{
    End,
    /// <summary>A name; registers keep their <c>%</c>.</summary>
    Name,
    /// <summary><c>.word</c>: a directive or a modifier; <see cref="PtxToken.Text"/> is without the dot.</summary>
    Dot,
    Number,
    String,
    Symbol,
}

/// <summary>A token and the line where it stands.</summary>
readonly record struct PtxToken(PtxTokenKind Kind, string Text, int Line)
{
    public bool Is(char symbol) => Kind == PtxTokenKind.Symbol && Text[0] == symbol;

    public bool IsDot(string word) => Kind == PtxTokenKind.Dot && Text == word;

    public override string ToString() => Kind switch
    {
        PtxTokenKind.End => "the end of the text",
        PtxTokenKind.Dot => $"'.{Text}'",
        _ => $"'{Text}'",
    };
}

/// <summary>Splits PTX text into tokens; comments and white space are skipped.</summary>
sealed class PtxLexer(string module, string text)
{
    const string Symbols = "{}[]()<>,;:=+-!@|&*~";

    static readonly string[] symbolTexts = [.. Symbols.Select(symbol => symbol.ToString())];

    // The same few thousand names stand again and again.
    readonly HashSet<string>.AlternateLookup<ReadOnlySpan<char>> texts = new HashSet<string>().GetAlternateLookup<ReadOnlySpan<char>>();
    int at, line = 1;

    /// <summary>The next token, taken off the text.</summary>
    public PtxToken Read()
    {
        SkipSpace();
        // Drivers take the text up to its NUL byte.
        if (at >= text.Length || text[at] == '\0')
            return new PtxToken(PtxTokenKind.End, "", line);
        int start = at;
        char c = text[at++];
        if (c == '"')
            return String(start);
        if (char.IsAsciiDigit(c))
            return Number(start);
        if (c == '.' && at < text.Length && IsWord(text[at]))
        {
            Dotted();
            return new PtxToken(PtxTokenKind.Dot, Text(start + 1), line);
        }
        if (IsWord(c) || (c == '%' && at < text.Length && IsWord(text[at])))
        {
            while (at < text.Length && IsWord(text[at]))
                at++;
            return new PtxToken(PtxTokenKind.Name, Text(start), line);
        }
        int symbol = Symbols.IndexOf(c);
        if (symbol >= 0)
            return new PtxToken(PtxTokenKind.Symbol, symbolTexts[symbol], line);
        throw new PtxException(module, line, $"character '{(char.IsControl(c) ? $"\\u{(int)c:x4}" : c)}' does not belong in PTX");
    }

    /// <summary>The text from an index up to here, one string for all its places.</summary>
    string Text(int start)
    {
        ReadOnlySpan<char> span = text.AsSpan(start, at - start);
        if (texts.TryGetValue(span, out string? known))
            return known;
        string added = span.ToString();
        texts.Set.Add(added);
        return added;
    }

    static bool IsWord(char c) => char.IsAsciiLetterOrDigit(c) || c is '_' or '$';

    /// <summary>A modifier may hold <c>::</c>, as <c>.L2::128B</c>.</summary>
    void Dotted()
    {
        while (at < text.Length && (IsWord(text[at])
            || (text[at] == ':' && at + 2 < text.Length && text[at + 1] == ':' && IsWord(text[at + 2]))))
            at += text[at] == ':' ? 2 : 1;
    }

    PtxToken String(int start)
    {
        while (at < text.Length && text[at] is not ('"' or '\n'))
            at += text[at] == '\\' ? 2 : 1;
        if (at >= text.Length || text[at] != '"')
            throw new PtxException(module, line, "a string is not closed");
        at++;
        return new PtxToken(PtxTokenKind.String, text[(start + 1)..(at - 1)], line);
    }

    PtxToken Number(int start)
    {
        while (at < text.Length && (IsWord(text[at]) || IsPoint() || IsSign()))
            at++;
        return new PtxToken(PtxTokenKind.Number, Text(start), line);

        bool IsPoint() => text[at] == '.' && at + 1 < text.Length && char.IsAsciiDigit(text[at + 1]);
        bool IsSign() => text[at] is '+' or '-' && text[at - 1] is 'e' or 'E' && text.AsSpan(start, at - start).Contains('.');
    }

    void SkipSpace()
    {
        while (at < text.Length)
        {
            char c = text[at];
            if (c == '\n')
                line++;
            if (char.IsWhiteSpace(c))
                at++;
            else if (c == '/' && at + 1 < text.Length && text[at + 1] == '/')
                SkipTo("\n");
            else if (c == '/' && at + 1 < text.Length && text[at + 1] == '*')
            {
                int from = line, end = text.IndexOf("*/", at + 2, StringComparison.Ordinal);
                if (end < 0)
                    throw new PtxException(module, from, "a comment is not closed");
                line += text.AsSpan(at, end - at).Count('\n');
                at = end + 2;
            }
            else
                return;
        }
    }

    void SkipTo(string end)
    {
        int found = text.IndexOf(end, at, StringComparison.Ordinal);
        at = found < 0 ? text.Length : found;
    }
}
