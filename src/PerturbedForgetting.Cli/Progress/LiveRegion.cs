using System.Text;

namespace PerturbedForgetting.Cli.Progress;

/// <summary>
/// The last lines of a terminal, which are drawn again and again; other text scrolls above them. A terminal that becomes narrower breaks
/// lines anew, and tells a program so only later: lines are therefore so short that no usual width breaks them, and where a narrower one
/// does, the rows they take are counted.
/// </summary>
/// <param name="output">The terminal, which understands ANSI control sequences.</param>
/// <param name="width">Tells its columns, as they are now.</param>
/// <param name="height">Tells its rows.</param>
/// <remarks>Safe to use from any thread: a signal is announced from a thread of its own.</remarks>
sealed class LiveRegion(TextWriter output, Func<int> width, Func<int> height)
{
    // Room for the "^C" that a terminal shows where the cursor stands, and never a full line, behind which terminals disagree.
    const int Margin = 3, Longest = 40 - Margin;
    const string EraseLine = "\e[K", EraseBelow = "\e[J";

    readonly Lock gate = new();
    List<StyledLine> drawn = [];
    Func<int, List<StyledLine>> content = _ => [];

    /// <summary>Draws other lines in place of those that are there.</summary>
    /// <param name="lines">Makes them for a number of columns; what is longer is cut.</param>
    public void Draw(Func<int, List<StyledLine>> lines)
    {
        lock (gate)
        {
            content = lines;
            StringBuilder text = new();
            Return(text);
            Append(text);
            Write(text);
        }
    }

    /// <summary>Writes text above the region.</summary>
    public void Print(string text)
    {
        lock (gate)
        {
            StringBuilder all = new();
            Return(all);
            all.Append(EraseBelow).Append(text).Append('\n');
            Append(all);
            Write(all);
        }
    }

    /// <summary>Takes the region away.</summary>
    public void Clear()
    {
        lock (gate)
        {
            content = _ => [];
            StringBuilder text = new();
            Return(text);
            text.Append(EraseBelow);
            drawn = [];
            Write(text);
        }
    }

    /// <summary>To the first column of the first line.</summary>
    void Return(StringBuilder text)
    {
        int columns = Math.Max(1, width());
        int rows = drawn.Sum(line => Math.Max(1, (line.Length + columns - 1) / columns));
        text.Append('\r');
        if (rows > 1)
            text.Append("\e[").Append(rows - 1).Append('A');
    }

    void Append(StringBuilder text)
    {
        int columns = Math.Clamp(width() - Margin, 1, Longest);
        // The line above must stay in sight, or moving up would end at the wrong one.
        drawn = [.. content(columns).Take(Math.Max(1, height() - 1)).Select(line => line.Cut(columns))];
        for (int i = 0; i < drawn.Count; i++)
            text.Append(drawn[i].Text).Append(EraseLine).Append(i + 1 < drawn.Count ? "\n" : "");
        text.Append(EraseBelow);
    }

    void Write(StringBuilder text)
    {
        output.Write(text.ToString());
        output.Flush();
    }
}
