using Benchmarks;
using PerturbedForgetting.Tensors.Backends.Cpu.Compute;

namespace PerturbedForgetting.Tests.Tools;

/// <summary>What tools/Benchmarks says about the machine and about the peer, and what a run that is killed leaves.</summary>
sealed class BenchmarkConditionsTests
{
    static readonly ProcessorTicks before = new(Total: 10_000, Idle: 4_000, Stolen: 100, Own: 50, Load: 0.3);

    [Test]
    public void TheSystemsCountersAreRead()
    {
        var ticks = ProcessorTicks.Parse("cpu  100 20 30 400 50 6 7 8 90 9\ncpu0 1 2 3 4 5 6 7 8 0 0\n",
            "4711 (a) name (x)) R 1 2 3 4 5 6 7 8 9 10 1000 200 30 4 20 0 17 0", "1.25 0.50 0.10 2/345 4711\n");
        Assert.That(ticks, Is.EqualTo(new ProcessorTicks(Total: 621, Idle: 450, Stolen: 8, Own: 1234, Load: 1.25)));
    }

    [TestCase("", "1 (a) R 1 2 3 4 5 6 7 8 9 10 1 2 3 4", "1.0 1")]
    [TestCase("cpu 1 2 3 4 5 6 7", "1 (a) R 1 2 3 4 5 6 7 8 9 10 1 2 3 4", "1.0 1")]
    [TestCase("cpu 1 2 3 4 5 6 7 x", "1 (a) R 1 2 3 4 5 6 7 8 9 10 1 2 3 4", "1.0 1")]
    [TestCase("cpu 1 2 3 4 5 6 7 8", "1 (a) R 1 2 3 4 5 6 7 8 9 10 1 2 3", "1.0 1")]
    [TestCase("cpu 1 2 3 4 5 6 7 8", "1 (a) R 1 2 3 4 5 6 7 8 9 10 1 2 3 4", "")]
    public void CountersOfAnotherFormAreNotKnown(string machine, string process, string load) =>
        Assert.That(ProcessorTicks.Parse(machine, process, load), Is.Null);

    // Of 10,000 ticks: ours, idle, stolen.
    [TestCase(9_000, 950, 0, 2.0, 1.05, "quiet: other processes 0.5 %, steal 0.0 %, load 2.0, spread 5 %")]
    [TestCase(5_000, 2_000, 0, 2.0, 1.05, "NOT QUIET: other processes had 30 % of the processors")]
    [TestCase(9_000, 500, 500, 2.0, 1.05, "NOT QUIET: the hypervisor took 5 % of the processors")]
    [TestCase(9_000, 1_000, 0, 4.5, 1.05, "NOT QUIET: the load average was 4.5 at the end, of which at most 2 are this program's")]
    [TestCase(9_000, 1_000, 0, 2.0, 1.5, "NOT QUIET: the median of 'a/time' lies 50 % above its minimum")]
    [TestCase(5_000, 1_500, 500, 2.0, 1.0,
        "NOT QUIET: other processes had 30 % of the processors; the hypervisor took 5 % of the processors")]
    public void TheMachineIsQuietOrNot(int own, int idle, int stolen, double load, double median, string expected)
    {
        ProcessorTicks after = new(before.Total + 10_000, before.Idle + idle, before.Stolen + stolen, before.Own + own, load);
        Figure[] figures = [new("a/time", "s", median, 1, 5), new("a/once", "s", 9, 9, 1), new("a/memory", "MiB", 9, 1, 5)];
        var conditions = Conditions.Between("a", before, after, threads: 2, figures);
        Assert.That(conditions.ToString(), Is.EqualTo(expected));
        Assert.That(conditions.Remarks.Count == 0, Is.EqualTo(expected.StartsWith("quiet", StringComparison.Ordinal)));
    }

    [Test]
    public void WhatIsNotKnownIsSaid()
    {
        var conditions = Conditions.Between("a", null, null, 2, []);
        Assert.That((conditions.Others, conditions.Steal, conditions.Load, conditions.Spread),
            Is.EqualTo(((double?)null, (double?)null, (double?)null, (double?)null)));
        Assert.That(conditions.ToString(), Does.Contain("not known"));
    }

    [Test]
    public void EveryRoundReplacesItsFigureAndIsKept()
    {
        List<double[]> kept = [];
        Figures figures = new(f => kept.Add([.. f.All.Select(x => x.Median)]));
        figures.Add("a", "s", 3);
        figures.Add("b", "s", 7);
        figures.Add("a", "s", 3, 1, 2);
        figures.Add("failed", "s", double.NaN);
        Assert.That(kept, Is.EqualTo(new[] { new[] { 3.0 }, [3, 7], [2, 7] }));
        Assert.That(figures.All[0], Is.EqualTo(new Figure("a", "s", 2, 1, 3)));
        figures.Conclude("all", null, 2, 0);
        Assert.That(kept, Has.Count.EqualTo(4), "how quiet the machine was is kept too");
    }

    [Test]
    public void TheConditionsAreInTheSavedRun()
    {
        using TempFolder folder = new();
        File.WriteAllBytes(folder["photo.jpg"], Vision.TestImages.Jpeg(40, 30));
        StringWriter output = new();
        Assert.That(App.Run(["loader:cifar", "--rounds", "1", "--images", folder.Path, "--save", folder["run.json"]], output, output),
            Is.Zero, output.ToString());
        var conditions = SavedRun.Read(folder["run.json"]).Conditions!.Single();
        Assert.That(conditions.Name, Is.EqualTo("loader"));
        Assert.That(output.ToString(), Does.Contain(conditions.Remarks.Count > 0 ? "NOT QUIET: " : "quiet"));
        Assert.That(conditions.Others is null, Is.EqualTo(!OperatingSystem.IsLinux()));
    }

    [Test]
    public void ThePeerUsesTheInstructionsThatWeUse()
    {
        Assert.That(StepPeer.Variables(SimdKind.Avx512), Is.Empty);
        Assert.That(StepPeer.Variables(SimdKind.Avx2),
            Is.EquivalentTo(new Dictionary<string, string> { ["ATEN_CPU_CAPABILITY"] = "avx2", ["ONEDNN_MAX_CPU_ISA"] = "AVX2" }));
        Assert.That(StepPeer.Variables(SimdKind.Portable).Keys, Is.EquivalentTo(StepPeer.Variables(SimdKind.Avx2).Keys));
    }

    [Test]
    public void AProgramGetsTheVariables()
    {
        if (OperatingSystem.IsWindows())
            Assert.Ignore("runs a shell");
        var cost = StepProcess.Measure(new Dictionary<string, string> { ["STEP_SECONDS"] = "0.25" }, "/bin/sh", "-c",
            "echo step: $STEP_SECONDS s/step");
        Assert.That(cost.Seconds, Is.EqualTo(0.25));
    }

    // 200 GFLOP at 400 GFLOP/s and 5 GB at 50 GB/s: 0.6 s at least.
    [TestCase(1.0, null), TestCase(1.5, null)]
    [TestCase(2.0, "THE PEER RUNS FAR BELOW THE ROOF: 100 of 400 GFLOP/s; its floor is 30 % of its time")]
    [TestCase(double.NaN, null)]
    public void APeerThatRunsBadlyIsSaidToDoSo(double seconds, string? expected)
    {
        string? remark = StepPeer.Remark(new StepFloor(200e9, 5e9), new StepRoof(1.0 / 400, 1.0 / 50), seconds);
        Assert.That(remark, expected is null ? Is.Null : Does.StartWith(expected!));
    }
}
