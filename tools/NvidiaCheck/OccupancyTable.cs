using System.Globalization;
using System.Text;

namespace PerturbedForgetting.NvidiaCheck;

/// <summary>The committed table of what the kernels use: text, columns parted by tabs, a line a kernel, sorted, so that changes of
/// different kernels merge.</summary>
/// <param name="Assembler">Version of the assembler that it was made with.</param>
/// <param name="Rows">Its rows.</param>
sealed record OccupancyTable(string Assembler, IReadOnlyList<OccupancyRow> Rows)
{
    const string VersionPrefix = "# ptxas ";

    const string Explanation = """
        # What NVIDIA's assembler makes of every kernel: registers of a thread / bytes of local memory of a thread (spills) / occupancy in
        # percent: warps that a multiprocessor holds at once, by registers, threads and shared memory, of those that it could hold.
        # `tools/nvidia-check.sh` compares (docs/kernels.md says what fails). `tools/nvidia-check.sh --update` writes this file again after
        # a change of kernels; it keeps what is written by hand: dynamic, limit and note, and threads of kernels without bounds. After a
        # merge conflict: take either side, then --update.
        # dynamic  bytes of dynamic shared memory of the launches that matter
        # limit    memory: at least 50 % on every architecture; any other word: less is right, and the note says why. No kernel may spill.
        """;

    static readonly string[] head =
        ["kernel", "threads", "static", "dynamic", "limit", .. Architecture.All.Select(static a => a.Name), "note"];

    /// <summary>Reads a table.</summary>
    /// <exception cref="FormatException">It is none; the message names the line.</exception>
    public static OccupancyTable Parse(string text)
    {
        string version = "";
        List<OccupancyRow> rows = [];
        string[] lines = text.ReplaceLineEndings("\n").Split('\n');
        for (int i = 0; i < lines.Length; i++)
        {
            if (lines[i].StartsWith(VersionPrefix, StringComparison.Ordinal))
                version = lines[i][VersionPrefix.Length..];
            else if (lines[i].Length > 0 && lines[i][0] != '#' && !lines[i].StartsWith(head[0] + '\t', StringComparison.Ordinal))
                rows.Add(ParseRow(lines[i], i + 1));
        }
        return new(version, rows);
    }

    static OccupancyRow ParseRow(string line, int number)
    {
        string[] fields = line.Split('\t');
        try
        {
            if (fields.Length != head.Length)
                throw new FormatException($"it has {fields.Length} columns, not {head.Length}");
            int[] numbers = [.. fields[1..4].Select(static field => int.Parse(field, CultureInfo.InvariantCulture))];
            OccupancyCell[] cells = [.. fields[5..^1].Select(OccupancyCell.Parse)];
            return new(fields[0], numbers[0], numbers[1], numbers[2], fields[4], cells, fields[^1]);
        }
        catch (Exception e) when (e is FormatException or OverflowException)
        {
            throw new FormatException($"line {number} of the table cannot be read: {e.Message}", e);
        }
    }

    /// <summary>The text of the table, which <see cref="Parse"/> reads.</summary>
    public override string ToString()
    {
        StringBuilder text = new();
        text.Append(Explanation.ReplaceLineEndings("\n")).Append('\n').Append(VersionPrefix).Append(Assembler).Append('\n');
        text.AppendJoin('\t', head).Append('\n');
        foreach (OccupancyRow row in Rows.OrderBy(static row => row.Kernel, StringComparer.Ordinal))
        {
            text.Append(CultureInfo.InvariantCulture, $"{row.Kernel}\t{row.Threads}\t{row.Shared}\t{row.Dynamic}\t{row.Limit}\t");
            text.AppendJoin('\t', row.Cells).Append('\t').Append(row.Note).Append('\n');
        }
        return text.ToString();
    }
}
