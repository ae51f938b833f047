namespace PerturbedForgetting.NvidiaCheck;

/// <summary>Compares what the assembler made with the committed table, and with the rules that hold whatever the table says.</summary>
static class TableComparison
{
    /// <summary>A kernel may need so many registers more than in the table, the unit in which a thread's are handed out.</summary>
    public const int RegisterSlack = Architecture.RegisterUnit / Architecture.Lanes;

    /// <summary>The least occupancy of a kernel that memory limits, in percent.</summary>
    public const int LeastOccupancy = 50;

    /// <summary>What is worse than the table; empty when nothing is.</summary>
    /// <param name="now">What the assembler made.</param>
    /// <param name="table">The committed rows.</param>
    public static IEnumerable<string> Regressions(IReadOnlyList<OccupancyRow> now, IReadOnlyList<OccupancyRow> table)
    {
        Dictionary<string, OccupancyRow> before = table.ToDictionary(static row => row.Kernel, StringComparer.Ordinal);
        foreach (OccupancyRow row in now)
        {
            if (!before.Remove(row.Kernel, out OccupancyRow? old))
                yield return $"{row.Kernel} is not in the table";
            else
            {
                foreach (string finding in Regressions(row, old))
                    yield return finding;
            }
        }
        foreach (string kernel in before.Keys)
            yield return $"{kernel} is in the table, and there is no such kernel";
    }

    static IEnumerable<string> Regressions(OccupancyRow now, OccupancyRow old)
    {
        for (int i = 0; i < now.Cells.Count; i++)
        {
            (OccupancyCell cell, OccupancyCell was, string name) = (now.Cells[i], old.Cells[i], Architecture.All[i].Name);
            if (cell.Local > was.Local)
                yield return $"{now.Kernel} on {name}: {cell.Local} bytes of local memory, {was.Local} in the table";
            if (cell.Occupancy < was.Occupancy)
                yield return $"{now.Kernel} on {name}: occupancy {cell.Occupancy} %, {was.Occupancy} % in the table";
            if (cell.Registers > was.Registers + RegisterSlack)
                yield return $"{now.Kernel} on {name}: {cell.Registers} registers, {was.Registers} in the table";
        }
    }

    /// <summary>What breaks a rule: no local memory, and enough warps to hide the latency of memory, unless a note says why not.</summary>
    public static IEnumerable<string> Violations(IReadOnlyList<OccupancyRow> rows)
    {
        foreach (OccupancyRow row in rows)
        {
            if (row.Limit != OccupancyRow.Memory && row.Note.Length == 0)
                yield return $"{row.Kernel}: the limit is '{row.Limit}', and no note says why";
            for (int i = 0; i < row.Cells.Count; i++)
            {
                (OccupancyCell cell, string name) = (row.Cells[i], Architecture.All[i].Name);
                if (cell.Local > 0)
                    yield return $"{row.Kernel} on {name}: {cell.Local} bytes of local memory; a kernel has none";
                if (row.Limit == OccupancyRow.Memory && cell.Occupancy < LeastOccupancy)
                    yield return $"{row.Kernel} on {name}: occupancy {cell.Occupancy} %, and memory limits it: it needs {LeastOccupancy} %";
            }
        }
    }
}
