using System.Text;

namespace PerturbedForgetting.Cli.Progress;

/// <summary>A piece of a line in one style.</summary>
/// <param name="Text">Without control characters.</param>
/// <param name="Style">Parameters of an ANSI "select graphic rendition", such as <c>1</c> for bold; empty for none.</param>
readonly record struct Styled(string Text, string Style = "");

/// <summary>A line that knows how many columns it takes.</summary>
sealed class StyledLine(params IEnumerable<Styled> pieces)
{
    readonly List<Styled> pieces = [.. pieces];

    /// <summary>Columns.</summary>
    public int Length => pieces.Sum(p => p.Text.Length);

    /// <summary>With its control sequences.</summary>
    public string Text
    {
        get
        {
            StringBuilder text = new();
            foreach (Styled piece in pieces)
                text.Append(piece.Style.Length > 0 ? $"\e[{piece.Style}m{piece.Text}\e[0m" : piece.Text);
            return text.ToString();
        }
    }

    /// <summary>The line, or as much of it as so many columns show.</summary>
    public StyledLine Cut(int columns)
    {
        List<Styled> cut = [];
        foreach (Styled piece in pieces)
        {
            cut.Add(piece with { Text = piece.Text[..Math.Min(piece.Text.Length, columns)] });
            columns -= cut[^1].Text.Length;
        }
        return new StyledLine(cut);
    }

    /// <summary>Lines of phrases, each phrase whole, as many in a line as fit.</summary>
    public static IEnumerable<StyledLine> Flow(IEnumerable<Styled[]> phrases, int columns)
    {
        List<Styled> line = [];
        int length = 0;
        foreach (Styled[] phrase in phrases)
        {
            int more = phrase.Sum(p => p.Text.Length);
            if (length > 0 && length + Gap.Length + more > columns)
            {
                yield return new StyledLine(line);
                (line, length) = ([], 0);
            }
            if (length > 0)
                line.Add(new Styled(Gap));
            length += (length > 0 ? Gap.Length : 0) + more;
            line.AddRange(phrase);
        }
        if (length > 0)
            yield return new StyledLine(line);
    }

    const string Gap = "  ";
}
