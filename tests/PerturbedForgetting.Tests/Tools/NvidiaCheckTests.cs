using PerturbedForgetting.NvidiaCheck;

namespace PerturbedForgetting.Tests.Tools;

/// <summary>What <c>tools/nvidia-check.sh</c> makes of the assembler's words, without the assembler.</summary>
sealed class NvidiaCheckTests
{
    const string Log = """
        ptxas info    : 16384 bytes gmem, 8 bytes cmem[4]
        ptxas info    : Compiling entry function 'norm' for 'sm_80'
        ptxas info    : Function properties for norm
            0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
        ptxas info    : Used 32 registers, 424 bytes cmem[0]
        ptxas info    : Compiling entry function 'norm_backward' for 'sm_80'
        ptxas info    : Function properties for norm_backward
            8 bytes stack frame, 12 bytes spill stores, 16 bytes spill loads
        ptxas info    : Used 148 registers, used 1 barriers, 8196 bytes smem, 448 bytes cmem[0], 8 bytes cmem[2]

        """;

    static readonly string[] names = ["sm_80", "sm_86", "sm_89", "sm_90"];

    static OccupancyRow Row(string kernel, OccupancyCell cell, string limit = OccupancyRow.Memory, string note = "") =>
        new(kernel, 256, 0, 0, limit, [cell, cell, cell, cell], note);

    [Test]
    public void TheAssemblersOutputIsRead()
    {
        AssemblerLog log = AssemblerLog.Parse(Log);
        Assert.That(log.Kernels, Is.EqualTo(new KernelUse[] { new("norm", 32, 0, 0), new("norm_backward", 148, 16, 8196) }));
        Assert.That(log.Remarks, Is.Empty);
    }

    [TestCase("ptxas warning : Unresolved extern variable 'x' in whole program compilation, ignoring extern qualifier")]
    [TestCase("ptxas norm.ptx, line 12; warning : Local memory used for norm, size of stack frame: 8 bytes")]
    [TestCase("ptxas norm.ptx, line 12; error   : Unexpected instruction types specified for 'add'")]
    [TestCase("ptxas fatal   : Ptx assembly aborted due to errors")]
    [TestCase("ptxas info    : (C7510) Potential Performance Loss: wgmma.mma_async instructions are serialized in function 'norm'")]
    [TestCase("words that nobody has seen")]
    public void WhateverElseItSaysIsARemark(string line) =>
        Assert.That(AssemblerLog.Parse(Log + line + "\n").Remarks, Is.EqualTo(new[] { line }));

    /// <summary>Computed with cuda_occupancy.h of CUDA 12.4, with which twelve thousand other numbers were compared.</summary>
    [TestCase(148, 256, 8196, new[] { 12, 16, 16, 12 })]
    [TestCase(100, 256, 8196, new[] { 25, 33, 33, 25 })]
    [TestCase(235, 128, 768, new[] { 12, 16, 16, 12 })]
    [TestCase(64, 128, 0, new[] { 50, 66, 66, 50 })]
    [TestCase(64, 1024, 0, new[] { 50, 66, 66, 50 })]
    [TestCase(65, 1024, 0, new[] { 0, 0, 0, 0 })]
    [TestCase(40, 256, 0, new[] { 75, 100, 100, 75 })]
    [TestCase(41, 160, 0, new[] { 62, 83, 83, 62 })]
    [TestCase(20, 32, 0, new[] { 50, 33, 50, 50 })]
    [TestCase(16, 64, 1024, new[] { 100, 66, 100, 100 })]
    [TestCase(32, 256, 40960, new[] { 50, 33, 33, 62 })]
    [TestCase(32, 128, 49152, new[] { 18, 16, 16, 25 })]
    [TestCase(32, 128, 50177, new[] { 18, 8, 8, 25 })]
    public void OccupancyIsThatOfNvidiasCalculator(int registers, int threads, int shared, int[] percent) =>
        Assert.That(Architecture.All.Select(a => a.Occupancy(registers, threads, shared)), Is.EqualTo(percent));

    [Test]
    public void ATableIsReadAsItWasWritten()
    {
        OccupancyTable table = new("12.4.131", [
            Row("b", new(32, 0, 100)), Row("a", new(255, 12, 6)) with { Limit = "compute", Note = "tensor cores", Dynamic = 4096 },
        ]);
        string text = table.ToString();
        OccupancyTable read = OccupancyTable.Parse(text);
        Assert.That(read.ToString(), Is.EqualTo(text));
        Assert.That(read.Assembler, Is.EqualTo("12.4.131"));
        Assert.That(read.Rows.Select(static row => row.Kernel), Is.EqualTo(new[] { "a", "b" }), "sorted");
        Assert.That(text, Does.Contain("a\t256\t0\t4096\tcompute\t255/12/6\t255/12/6\t255/12/6\t255/12/6\ttensor cores\n"));
    }

    [TestCase("relu\t256\t0\t0\tmemory\t32/0/100", "line 1 of the table cannot be read: it has 6 columns")]
    [TestCase("relu\tmany\t0\t0\tmemory\t1/0/1\t1/0/1\t1/0/1\t1/0/1\t", "line 1")]
    [TestCase("relu\t256\t0\t0\tmemory\t1/0\t1/0/1\t1/0/1\t1/0/1\t", "'1/0' is not REGISTERS/LOCAL/OCCUPANCY")]
    public void ATableThatIsNoneIsRefused(string text, string words) =>
        Assert.That(() => OccupancyTable.Parse(text), Throws.TypeOf<FormatException>().With.Message.Contains(words));

    [Test]
    public void PlantedRegressionsAreFound()
    {
        OccupancyRow[] table = [Row("a", new(32, 0, 100)), Row("b", new(64, 0, 50))];
        Assert.That(TableComparison.Regressions(table, table), Is.Empty);
        Assert.That(Regressions(Row("a", new(40, 0, 100))), Is.Empty, "as many registers more as are given out at once");
        Assert.That(Regressions(Row("a", new(16, 0, 100))), Is.Empty, "better");
        Assert.That(Regressions(Row("a", new(41, 0, 100))), Is.EqualTo(names.Select(n => $"a on {n}: 41 registers, 32 in the table")));
        Assert.That(Regressions(Row("a", new(32, 0, 75))), Is.EqualTo(names.Select(n => $"a on {n}: occupancy 75 %, 100 % in the table")));
        Assert.That(Regressions(Row("a", new(32, 4, 100))),
            Is.EqualTo(names.Select(n => $"a on {n}: 4 bytes of local memory, 0 in the table")));
        Assert.That(Regressions(Row("a", new(32, 0, 100)), Row("c", new(32, 0, 100))), Is.EqualTo(new[] { "c is not in the table" }));
        Assert.That(TableComparison.Regressions([table[0]], table),
            Is.EqualTo(new[] { "b is in the table, and there is no such kernel" }));

        OccupancyCell good = new(32, 0, 100), bad = new(32, 0, 99);
        Assert.That(TableComparison.Regressions([table[0] with { Cells = [good, good, bad, good] }, table[1]], table),
            Is.EqualTo(new[] { "a on sm_89: occupancy 99 %, 100 % in the table" }));

        IEnumerable<string> Regressions(params OccupancyRow[] now) => TableComparison.Regressions([.. now, table[1]], table);
    }

    [Test]
    public void RulesHoldWhateverTheTableSays()
    {
        Assert.That(TableComparison.Violations([Row("a", new(64, 0, 50)), Row("b", new(200, 0, 12), "compute", "tensor cores")]), Is.Empty);
        Assert.That(TableComparison.Violations([Row("a", new(64, 0, 49))]),
            Is.EqualTo(names.Select(n => $"a on {n}: occupancy 49 %, and memory limits it: it needs 50 %")));
        Assert.That(TableComparison.Violations([Row("a", new(200, 0, 12), "compute")]), Is.EqualTo(new[]
        {
            "a: the limit is 'compute', and no note says why",
        }));
        Assert.That(TableComparison.Violations([Row("a", new(200, 8, 12), "compute", "tensor cores")]),
            Is.EqualTo(names.Select(n => $"a on {n}: 8 bytes of local memory; a kernel has none")));
    }

    /// <summary>The committed table is of the kernels that ship, and breaks no rule.</summary>
    [Test]
    public void TheCommittedTableIsWhole()
    {
        string text = File.ReadAllText(Path.Combine(SourceTree.Root, "kernels", "occupancy.tsv")).ReplaceLineEndings("\n");
        OccupancyTable table = OccupancyTable.Parse(text);
        Assert.That(table.ToString(), Is.EqualTo(text));
        IEnumerable<string> kernels = Directory.GetFiles(Path.Combine(SourceTree.Root, "kernels", "ptx", "sm_80"), "*.ptx")
            .SelectMany(File.ReadLines).Where(static line => line.StartsWith(".visible .entry ", StringComparison.Ordinal))
            .Select(static line => line[".visible .entry ".Length..line.IndexOf('(')]);
        Assert.That(table.Rows.Select(static row => row.Kernel), Is.EquivalentTo(kernels), "tools/nvidia-check.sh --update");
    }
}
