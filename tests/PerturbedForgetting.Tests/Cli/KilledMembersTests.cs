using System.Diagnostics;
using System.Globalization;
using PerturbedForgetting.Cli;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tests.Training;

namespace PerturbedForgetting.Tests.Cli;

/// <summary>
/// Two processes that train, of which one is killed (SIGKILL) at a random instant: the other ends by itself, with exit code 6 and what was
/// saved before, and the run that is continued from there leaves the same files as one that nobody killed. Once in CI; 30 times where
/// <see cref="EnvironmentVariables.AllTests"/> is set.
/// </summary>
[TestFixture, Parallelizable, Platform("Linux")]
sealed class KilledMembersTests : TempFolderFixture
{
    const string Ended = "ended as";

    static readonly int kills = EnvironmentVariables.AllTests.Value == "1" ? 30 : 1;

    /// <summary>Without its own clean-up the launcher leaves the others alone, as the death of a machine does, but for a signal that it
    /// lets them know by.</summary>
    ProcessStartInfo Train(string experiment)
    {
        string program = typeof(CommandLineApp).Assembly.Location;
        ProcessStartInfo start = new("mpirun.mpich", ["-disable-auto-cleanup", "-np", "2", "/bin/sh", "-c",
            $"trap '' USR1; echo $$ > \"$0/pid$PMI_RANK\"; dotnet {program} \"$@\"; echo {Ended} $?", folder.Path,
            "train", "--dataset", "builtin/shapes:train=64,val=16,size=16", "--img-size", "16", "-m", "resnet20", "-b", "4",
            "--epochs", "2",
            "--opt", "sam_sgdw", "--rho", "0.05", "--lr", "0.05", "--checkpoint-hist", "1", "--recovery-interval", "2", "--device", "cpu",
            "--threads", "1", "-j", "0", "--output", folder.Path, "--experiment", experiment, "--resume", "auto", "--comm-timeout", "60"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        return start;
    }

    [Test]
    public void TheOthersEndAndTheRunGoesOn()
    {
        if (!File.Exists("/usr/bin/mpirun.mpich"))
            Assert.Fail("mpirun.mpich is missing: apt-get install mpich");
        long began = Stopwatch.GetTimestamp();
        var (exitCode, text) = ChildProcess.Run(Train("whole"), ManyProcesses.Limit);
        Assert.That(exitCode, Is.Zero, text);
        var length = Stopwatch.GetElapsedTime(began);
        string[] expected = RunFiles.Describe(folder["whole"]);
        Random random = new(7);
        for (int done = 0, run = 0; done < kills; run++)
        {
            string name = $"run{run.ToString(CultureInfo.InvariantCulture)}";
            if (KillOne(name, length * (0.2 + (0.8 * random.NextDouble())), random.Next(2)))
                done++;
            (exitCode, text) = ChildProcess.Run(Train(name), ManyProcesses.Limit);
            Assert.That(exitCode, Is.Zero, text);
            Assert.That(RunFiles.Describe(folder[name]), Is.EqualTo(expected), name);
            Directory.Delete(folder[name], recursive: true);
        }
    }

    /// <returns>Whether it still ran when its time came.</returns>
    bool KillOne(string experiment, TimeSpan time, int rank)
    {
        using var launcher = Process.Start(Train(experiment))!;
        Task<string> output = launcher.StandardOutput.ReadToEndAsync(), error = launcher.StandardError.ReadToEndAsync();
        if (launcher.WaitForExit(time) || !File.Exists(folder[$"pid{rank}"]))
        {
            launcher.WaitForExit();
            return false;
        }
        // The shell is its parent; the program is what is killed.
        long began = Stopwatch.GetTimestamp();
        string shell = File.ReadAllText(folder[$"pid{rank}"]).Trim();
        Process.Start("/bin/sh", ["-c", $"pkill -KILL -P {shell}"]).WaitForExit();
        if (!launcher.WaitForExit(ManyProcesses.Limit))
        {
            launcher.Kill(entireProcessTree: true);
            Assert.Fail($"the other of rank {rank} does not end, killed after {time}: {error.Result}");
        }
        string said = output.Result + error.Result;
        string[] ends = [.. output.Result.Split('\n').Where(static l => l.StartsWith(Ended, StringComparison.Ordinal))
            .Select(static l => l[Ended.Length..].Trim())];
        // It may have ended by itself in the very moment.
        if (ends.Length == 2 && ends.All(static e => e == "0"))
            return false;
        Assert.That(ends, Is.EquivalentTo(new[] { "137", "6" }), said);
        // Before they have met nobody knows who is missing.
        Assert.That(said, Does.Contain(FormattableString.Invariant($"rank {rank} ")).Or.Contain("not all of the processes have come"));
        double later = Stopwatch.GetElapsedTime(began).TotalSeconds;
        TestContext.Progress.WriteLine(FormattableString.Invariant(
            $"{experiment}: rank {rank} killed after {time.TotalSeconds:F1} s, all ended {later:F1} s later"));
        return true;
    }
}
