using PerturbedForgetting.Simulator.Ptx;

namespace PerturbedForgetting.NvidiaCheck;

/// <summary>What the assembler makes of a folder of PTX files.</summary>
/// <param name="Rows">The kernels of the files in the folder itself.</param>
/// <param name="Remarks">What the assembler had to say beside what a kernel uses, with file and architecture.</param>
sealed record KernelSurvey(IReadOnlyList<OccupancyRow> Rows, IReadOnlyList<string> Remarks)
{
    /// <summary>Threads of a block where neither the kernel nor the table tells.</summary>
    const int UsualThreads = 256;

    /// <summary>The PTX files of a folder and those below it, which are assembled too but are no rows: the tests' kernels.</summary>
    public static string[] FilesOf(string folder) =>
        [.. Directory.GetFiles(folder, "*.ptx", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];

    /// <summary>Assembles all files for all architectures, on all processors.</summary>
    /// <param name="assembler">The assembler.</param>
    /// <param name="folder">The folder.</param>
    /// <param name="table">The committed rows, for what was written into them by hand.</param>
    public static KernelSurvey Take(Assembler assembler, string folder, IReadOnlyList<OccupancyRow> table)
    {
        string[] files = FilesOf(folder);
        int architectures = Architecture.All.Length;
        var logs = new AssemblerLog[files.Length * architectures];
        // The largest first, so that no processor is left alone with them at the end.
        int[] order = [.. Enumerable.Range(0, logs.Length).OrderByDescending(i => new FileInfo(files[i / architectures]).Length)];
        // Threads that wait for the assembler are no reason to start more of it.
        Parallel.ForEach(order, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, i =>
            logs[i] = assembler.Assemble(files[i / architectures], Architecture.All[i % architectures].Name));

        Dictionary<string, OccupancyRow> known = table.ToDictionary(static row => row.Kernel, StringComparer.Ordinal);
        List<OccupancyRow> rows = [];
        List<string> remarks = [];
        for (int i = 0; i < files.Length; i++)
        {
            ReadOnlySpan<AssemblerLog> made = logs.AsSpan(i * architectures, architectures);
            for (int j = 0; j < made.Length; j++)
            {
                foreach (string remark in made[j].Remarks)
                    remarks.Add($"{Path.GetFileName(files[i])} for {Architecture.All[j].Name}: {remark}");
            }
            if (Path.GetDirectoryName(files[i]) == Path.GetDirectoryName(Path.Combine(folder, "x")))
                rows.AddRange(RowsOf(files[i], made.ToArray(), known));
        }
        return new(rows, remarks);
    }

    static IEnumerable<OccupancyRow> RowsOf(string file, AssemblerLog[] made, Dictionary<string, OccupancyRow> known)
    {
        foreach (PtxFunction kernel in PtxParser.Parse(file, File.ReadAllText(file)).Functions.Where(static f => f.IsEntry))
        {
            KernelUse?[] uses = [.. made.Select(log => log.Kernels.FirstOrDefault(use => use.Kernel == kernel.Name))];
            // One that could not be assembled is among the remarks.
            if (uses.Any(static use => use is null))
                continue;
            known.TryGetValue(kernel.Name, out OccupancyRow? old);
            int threads = kernel.RequiredThreads is { } exact ? exact.X * exact.Y * exact.Z
                : kernel.MaximumThreads > 0 ? kernel.MaximumThreads
                : old?.Threads ?? UsualThreads;
            int dynamic = old?.Dynamic ?? 0;
            yield return new(kernel.Name, threads, uses.Max(static use => use!.Shared), dynamic, old?.Limit ?? OccupancyRow.Memory,
                [.. uses.Zip(Architecture.All, (use, architecture) => new OccupancyCell(use!.Registers, use.Local,
                    architecture.Occupancy(use.Registers, threads, use.Shared + dynamic)))],
                old?.Note ?? "");
        }
    }
}
