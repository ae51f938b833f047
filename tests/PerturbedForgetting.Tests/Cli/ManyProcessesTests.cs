using System.Diagnostics;
using PerturbedForgetting.Cli;
using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tests.Cli;

/// <summary>The program itself as several processes, at work that needs no library: a check of data. Each start costs, so there are more
/// of them where <see cref="EnvironmentVariables.AllTests"/> is set.</summary>
[TestFixture, Parallelizable, Platform("Linux")]
sealed class ManyProcessesTests
{
    /// <summary>So many images that nobody sees the end of it.</summary>
    const string Endless = "builtin/shapes:train=2000000,val=8,size=64";

    static string[] Check(string data = "builtin/shapes:train=64,val=8,size=16", params string[] more) =>
        ["data", "check", "--dataset", data, "--comm-timeout", "20", .. more];

    static bool IsWhole => EnvironmentVariables.AllTests.Value == "1";

    static IEnumerable<TestCaseData> Losses() => new (string Signal, int Gone)[] { ("KILL", 1), ("KILL", 0), ("STOP", 1) }
        .Take(IsWhole ? 3 : 1).Select(static l => new TestCaseData(l.Signal, l.Gone));

    static IEnumerable<TestCaseData> Stops() => new (string Signal, int Rank, int ExitCode)[]
        { ("TERM", 1, ExitCodes.Terminated), ("INT", 0, ExitCodes.Interrupted), ("HUP", 1, ExitCodes.HungUp) }
        .Take(IsWhole ? 3 : 1).Select(static s => new TestCaseData(s.Signal, s.Rank, s.ExitCode));

    static IEnumerable<TestCaseData> Launchers() => new (string Launcher, string Title, string[] More)[]
        { ("mpirun.openmpi", "mpirun of Open MPI", ["--allow-run-as-root", "--oversubscribe"]),
            ("mpirun.mpich", "mpirun of the MPICH family", []) }
        .Take(IsWhole ? 2 : 1).Select(static l => new TestCaseData(l.Launcher, l.Title, l.More));

    [Test]
    public void TheFirstSpeaksForAll()
    {
        using ManyProcesses all = new(IsWhole ? 3 : 2, static _ => Check());
        var ends = all.End();
        Assert.That(ends.Select(static e => e.ExitCode), Is.All.Zero, string.Join('\n', ends.Select(static e => e.Output)));
        Assert.That(ends[0].Output, Does.Contain(" processes started by RANK and WORLD_SIZE, on ")
            .And.Contain("this is rank 0").And.Contain("Nothing stands in the way of training."));
        Assert.That(ends[1..].Select(static e => e.Output), Is.All.Empty);
    }

    [Test]
    public void WhoeverDiffersIsNamedBeforeAnythingIsDone()
    {
        using ManyProcesses all = new(2, static rank => Check(more: ["--seed", rank == 1 ? "8" : "7"]));
        var ends = all.End();
        Assert.That(ends.Select(static e => e.ExitCode), Is.All.EqualTo(ExitCodes.WrongOption));
        Assert.That(ends[0].Output, Does.Contain("not started alike").And.Contain("rank 1: --seed 8 (there 7)").And.Not.Contain("   at "));
        Assert.That(ends[1..].Select(static e => e.Output), Is.All.Empty);
    }

    /// <summary>Also where it is only one that cannot begin.</summary>
    [Test]
    public void WhatIsWrongWithOneIsSaidByTheFirst()
    {
        using ManyProcesses all = new(2, static rank => Check(more: ["--num-classes", rank == 1 ? "-1" : "9"]));
        var ends = all.End();
        Assert.That(ends.Select(static e => e.ExitCode), Is.EqualTo(new[] { ExitCodes.ProcessGone, ExitCodes.WrongOption }));
        Assert.That(ends[0].Output, Does.Contain($"rank 1 (process {all[1].Id} on ").And.Contain("--num-classes")
            .And.Not.Contain("   at "));
        Assert.That(ends[1].Output, Is.Empty);
    }

    [TestCaseSource(nameof(Losses))]
    public void WhoeverIsGoneIsNamed(string signal, int gone)
    {
        using ManyProcesses all = new(3, static _ => ["data", "check", "--dataset", Endless, "--comm-timeout", "2"]);
        all.WaitFor("reading ");
        all.Signal(signal, gone);
        long began = Stopwatch.GetTimestamp();
        var ends = all.End(gone);
        int[] left = [.. Enumerable.Range(0, 3).Where(r => r != gone)];
        Assert.That(left.Select(r => ends[r].ExitCode), Is.All.EqualTo(ExitCodes.ProcessGone), ends[left[0]].Output);
        string who = $"rank {gone} (process {all[gone].Id} on ";
        // Who cannot hear of it from the first says it itself.
        Assert.That((gone == 0 ? left : [0]).Select(r => ends[r].Output), Is.All.Contains(who).And.All.Not.Contains("   at "));
        Assert.That(gone == 0 ? "" : ends[2].Output, Is.Empty);
        Assert.That(Stopwatch.GetElapsedTime(began), Is.LessThan(ManyProcesses.Limit));
    }

    [TestCaseSource(nameof(Stops))]
    public void ASignalToOneStopsAll(string signal, int rank, int exitCode)
    {
        using ManyProcesses all = new(2, static _ => Check(Endless));
        all.WaitFor("reading ");
        all.Signal(signal, rank);
        var ends = all.End();
        Assert.That(ends.Select(static e => e.ExitCode), Is.All.EqualTo(exitCode), ends[0].Output);
        Assert.That(ends[0].Output, Does.Contain(Interruption.Announcement));
        Assert.That(ends[1].Output, Is.Empty);
    }

    [Test]
    public void WhatOneDoesIsNotDoneByTwo()
    {
        using ManyProcesses all = new(2, static rank => rank == 0 ? ["models"] : ["report", "."]);
        var ends = all.End();
        Assert.That(ends.Select(static e => e.ExitCode), Is.All.EqualTo(ExitCodes.WrongOption));
        Assert.That(ends[0].Output, Does.Contain("'models' is done by one process, and 2 were started by RANK and WORLD_SIZE"));
    }

    [TestCaseSource(nameof(Launchers))]
    public void LaunchersOfMpiAreRecognised(string launcher, string title, string[] more)
    {
        if (!File.Exists($"/usr/bin/{launcher}"))
            Assert.Fail($"{launcher} is missing: apt-get install openmpi-bin mpich");
        var (exitCode, output) = ChildProcess.Run(
            new(launcher, [.. more, "-np", "2", "dotnet", typeof(CommandLineApp).Assembly.Location, .. Check()]), ManyProcesses.Limit);
        Assert.That(exitCode, Is.Zero, output);
        Assert.That(output, Does.Contain($"Processes: 2 processes started by {title}, on ").And.Contain("Nothing stands in the way"));
    }
}
