using System.Globalization;
using System.Text;

namespace PerturbedForgetting.Tests.Cli;

/// <summary>
/// A screen of characters with its history, which understands what a program writes to a terminal: text that breaks at the last column,
/// carriage returns, line feeds (which the system turns into both), cursor up, erasing to the end of line and screen, colours. A new width
/// breaks all lines anew, as tmux and most others do.
/// </summary>
sealed class VirtualTerminal : TextWriter
{
    // All rows there ever were; a row that continues in the next is marked.
    readonly List<(StringBuilder Text, bool Continues)> rows = [(new(), false)];
    readonly StringBuilder control = new();
    int row, column;

    public VirtualTerminal(int width, int height)
        : base(CultureInfo.InvariantCulture)
    {
        (Width, Height) = (width, height);
    }

    public override Encoding Encoding => Encoding.UTF8;

    public int Width { get; private set; }

    public int Height { get; }

    /// <summary>Every line that was written, whole and without spaces at its end; empty ones at the end are left out.</summary>
    public string[] Lines => [.. Join().Select(l => l.ToString().TrimEnd()).Reverse().SkipWhile(l => l.Length == 0).Reverse()];

    /// <summary>The first row that is seen; the cursor goes no higher.</summary>
    int Top => Math.Max(0, rows.Count - Height);

    /// <summary>Gives the terminal another width.</summary>
    public void Resize(int width)
    {
        int before = 0, line = 0;
        for (int i = 0; i < row; i++)
            (before, line) = rows[i].Continues ? (before + rows[i].Text.Length, line) : (0, line + 1);
        int offset = before + column;
        List<StringBuilder> lines = Join();
        (Width, row, column) = (width, 0, 0);
        rows.Clear();
        for (int i = 0; i < lines.Count; i++)
        {
            string text = lines[i].ToString();
            int count = Math.Max(1, (text.Length + width - 1) / width);
            if (i == line)
            {
                int inside = Math.Min(offset / width, count - 1);
                (row, column) = (rows.Count + inside, offset - (inside * width));
            }
            for (int r = 0; r < count; r++)
                rows.Add((new(text[(r * width)..Math.Min(text.Length, (r + 1) * width)]), r + 1 < count));
        }
    }

    public override void Write(char value)
    {
        if (control.Length > 0 || value == '\e')
        {
            control.Append(value);
            if (control.Length > 2 && char.IsAsciiLetter(value))
            {
                Obey(control.ToString());
                control.Clear();
            }
            return;
        }
        switch (value)
        {
            case '\r':
                column = 0;
                break;
            case '\n':
                (row, column) = (row + 1, 0);
                if (row == rows.Count)
                    rows.Add((new(), false));
                break;
            default:
                Put(value);
                break;
        }
    }

    void Put(char value)
    {
        Assert.That(char.IsControl(value), Is.False, $"control character {(int)value}");
        if (column >= Width)
        {
            rows[row] = (rows[row].Text, true);
            Write('\n');
        }
        StringBuilder text = rows[row].Text;
        while (text.Length <= column)
            text.Append(' ');
        text[column++] = value;
    }

    void Obey(string sequence)
    {
        string number = sequence[2..^1];
        switch (sequence[^1])
        {
            case 'A':
                row = Math.Max(Top, row - Math.Max(1, int.Parse(number, CultureInfo.InvariantCulture)));
                break;
            case 'K' or 'J' when number.Length == 0:
                StringBuilder text = rows[row].Text;
                text.Length = Math.Min(text.Length, column);
                rows[row] = (text, false);
                if (sequence[^1] == 'J')
                    rows.RemoveRange(row + 1, rows.Count - row - 1);
                break;
            case 'm':
                break;
            default:
                Assert.Fail($"ESC{sequence[1..]}");
                break;
        }
    }

    /// <summary>The rows, those that continue put together.</summary>
    List<StringBuilder> Join()
    {
        List<StringBuilder> lines = [];
        bool continues = false;
        foreach ((StringBuilder text, bool more) in rows)
        {
            if (continues)
                lines[^1].Append(text);
            else
                lines.Add(new StringBuilder().Append(text));
            continues = more;
        }
        return lines;
    }
}
