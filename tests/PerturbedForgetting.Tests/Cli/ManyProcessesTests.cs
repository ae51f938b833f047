using System.Diagnostics;
using PerturbedForgetting.Cli;

namespace PerturbedForgetting.Tests.Cli;

/// <summary>The program itself as several processes, at work that needs no library: a check of data.</summary>
[TestFixture, Parallelizable, Platform("Linux")]
sealed class ManyProcessesTests
{
    /// <summary>So many images that nobody sees the end of it.</summary>
    const string Endless = "builtin/shapes:train=2000000,val=8,size=64";

    static string[] Check(string data = "builtin/shapes:train=64,val=8,size=16", params string[] more) =>
        ["data", "check", "--dataset", data, "--comm-timeout", "20", .. more];

    [Test]
    public void TheFirstSpeaksForAll()
    {
        using ManyProcesses all = new(3, static _ => Check());
        var ends = all.End();
        Assert.That(ends.Select(static e => e.ExitCode), Is.All.Zero, string.Join('\n', ends.Select(static e => e.Output)));
        Assert.That(ends[0].Output, Does.Contain("Processes: 3 processes started by RANK and WORLD_SIZE, on ")
            .And.Contain("this is rank 0").And.Contain("Nothing stands in the way of training."));
        Assert.That(ends[1..].Select(static e => e.Output), Is.All.Empty);
    }

    [Test]
    public void WhoeverDiffersIsNamedBeforeAnythingIsDone()
    {
        using ManyProcesses all = new(3, static rank => Check(more: ["--seed", rank == 2 ? "8" : "7"]));
        var ends = all.End();
        Assert.That(ends.Select(static e => e.ExitCode), Is.All.EqualTo(ExitCodes.WrongOption));
        Assert.That(ends[0].Output, Does.Contain("not started alike").And.Contain("rank 2: --seed 8 (there 7)").And.Not.Contain("   at "));
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

    [TestCase("KILL", 1)]
    [TestCase("KILL", 0)]
    [TestCase("STOP", 1)]
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

    [TestCase("TERM", 1, ExitCodes.Terminated)]
    [TestCase("INT", 0, ExitCodes.Interrupted)]
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

    [TestCase("mpirun.openmpi", "mpirun of Open MPI", "--allow-run-as-root", "--oversubscribe")]
    [TestCase("mpirun.mpich", "mpirun of the MPICH family")]
    public void LaunchersOfMpiAreRecognised(string launcher, string title, params string[] more)
    {
        if (!File.Exists($"/usr/bin/{launcher}"))
            Assert.Fail($"{launcher} is missing: apt-get install openmpi-bin mpich");
        var (exitCode, output) = ChildProcess.Run(
            new(launcher, [.. more, "-np", "2", "dotnet", typeof(CommandLineApp).Assembly.Location, .. Check()]), ManyProcesses.Limit);
        Assert.That(exitCode, Is.Zero, output);
        Assert.That(output, Does.Contain($"Processes: 2 processes started by {title}, on ").And.Contain("Nothing stands in the way"));
    }
}
