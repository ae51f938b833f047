using System.Diagnostics;
using Benchmarks;
using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tests.Tensors.Distributed.Mpi;

/// <summary>The real libraries: processes that their launchers start run the checks of any group, at counts that are awkward and one that
/// is larger than a call.</summary>
[TestFixture, Parallelizable]
sealed class MpiProgramTests
{
    const int SigKill = 9;

    [TestCase("mpirun.openmpi", 3, "Open MPI", "mpirun of Open MPI")]
    [TestCase("mpirun.mpich", 2, "MPICH", "mpiexec of the MPICH family")]
    public void ProcessesOfALauncherAreAGroup(string launcher, int processes, string library, string expected)
    {
        var (exitCode, output) = Run(launcher, processes, "0", "1", "7", "100", "1048577");
        Assert.That(exitCode, Is.Zero, output);
        Assert.That(output, Does.Match($@"{library} [0-9.]+: {processes} of {processes} on \S+, {expected}, good"));
    }

    /// <summary>The process ends although the library waits for one that hangs; one case, or all where
    /// <see cref="EnvironmentVariables.AllTests"/> is set.</summary>
    [TestCaseSource(nameof(Hangs))]
    public void WhoIsToldThatAnotherHangsEndsAtOnce(string launcher, string how)
    {
        long start = Stopwatch.GetTimestamp();
        var (exitCode, output) = Run(launcher, 2, how);
        // Whose code the launcher passes on is up to it: MPICH's now and then that of the one that hung, which it kills.
        Assert.That(exitCode, Is.AnyOf(MpiMember.ExitCodeOfTold, SigKill), output);
        Assert.That(output, Does.Contain("told: the last one hangs"));
        Assert.That(Stopwatch.GetElapsedTime(start), Is.LessThan(MpiMember.Hang));
    }

    static IEnumerable<string[]> Hangs()
    {
        yield return ["mpirun.mpich", MpiMember.HangsWithin];
        if (EnvironmentVariables.AllTests.Value != "1")
            yield break;
        yield return ["mpirun.mpich", MpiMember.HangsBefore];
        yield return ["mpirun.openmpi", MpiMember.HangsBefore];
        yield return ["mpirun.openmpi", MpiMember.HangsWithin];
    }

    static (int ExitCode, string Output) Run(string launcher, int processes, params string[] arguments)
    {
        string? program = MpiRun.Find(launcher);
        Assert.That(program, Is.Not.Null, $"There is no {launcher}: apt install openmpi-bin mpich.");
        return ChildProcess.Run(
            MpiRun.Start(program!, processes, "dotnet", [typeof(MpiMember).Assembly.Location, MpiMember.Command, .. arguments]),
            TimeSpan.FromMinutes(2));
    }
}
