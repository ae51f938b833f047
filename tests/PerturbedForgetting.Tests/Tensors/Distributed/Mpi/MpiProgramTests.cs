using Benchmarks;

namespace PerturbedForgetting.Tests.Tensors.Distributed.Mpi;

/// <summary>The real libraries: processes that their launchers start run the checks of any group, at counts that are awkward and one that
/// is larger than a call.</summary>
[TestFixture, Parallelizable]
sealed class MpiProgramTests
{
    [TestCase("mpirun.openmpi", 3, "Open MPI", "mpirun of Open MPI")]
    [TestCase("mpirun.mpich", 2, "MPICH", "mpiexec of the MPICH family")]
    public void ProcessesOfALauncherAreAGroup(string launcher, int processes, string library, string expected)
    {
        if (MpiRun.Find(launcher) is not { } program)
        {
            Assert.Fail($"There is no {launcher}: apt install openmpi-bin mpich.");
            return;
        }
        var (exitCode, output) = ChildProcess.Run(
            MpiRun.Start(program, processes, "dotnet", typeof(MpiMember).Assembly.Location, MpiMember.Command, "0", "1", "7", "100",
                "4194305"),
            TimeSpan.FromMinutes(2));
        Assert.That(exitCode, Is.Zero, output);
        Assert.That(output, Does.Match($@"{library} [0-9.]+: {processes} of {processes} on \S+, {expected}, good"));
    }
}
