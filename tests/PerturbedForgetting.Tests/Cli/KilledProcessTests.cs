using System.Diagnostics;
using PerturbedForgetting.Cli;
using PerturbedForgetting.Tests.Training;

namespace PerturbedForgetting.Tests.Cli;

/// <summary>
/// The program itself, killed (SIGKILL) at random instants of its run and started again until it ends by itself: then the folder holds
/// what a run leaves that nobody killed. There are 12 kills, or as many as the parameter says: <c>dotnet test --filter KilledProcessTests
/// -- TestRunParameters.Parameter(name=\"kills\", value=\"300\")</c>.
/// </summary>
[TestFixture, Parallelizable]
sealed class KilledProcessTests : TempFolderFixture
{
    static readonly int Kills = TestContext.Parameters.Get("kills", 12);

    /// <summary>How long an end may take on a machine with much else to do.</summary>
    static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    ProcessStartInfo Train(string experiment) => new("dotnet",
    [
        typeof(CommandLineApp).Assembly.Location, "train", "--dataset", "builtin/shapes:train=64,val=32,size=16",
        "--img-size", "16", "-b", "8", "--epochs", "2", "--opt", "sam_sgdw", "--rho", "0.05",
        "--checkpoint-hist", "1", "--recovery-interval", "3", "--output", folder.Path, "--experiment", experiment,
        "--resume", "auto", "--threads", "1"
    ]);

    [Test]
    public void KilledAtRandomInstantsARunEndsWithTheSameFiles()
    {
        long began = Stopwatch.GetTimestamp();
        Assert.That(ChildProcess.Run(Train("whole"), Limit).ExitCode, Is.Zero);
        var length = Stopwatch.GetElapsedTime(began);
        string[] expected = RunFiles.Describe(folder["whole"]);
        Parallel.For(0, 2, worker =>
        {
            var random = new Random(worker);
            for (int kills = 0, run = 0; kills < Kills / 2; run++)
            {
                string name = $"run{worker}-{run}";
                for (int i = 0; i < 5 && KillAfter(length * (0.2 + 0.8 * random.NextDouble()), name); i++)
                    kills++;
                var (exitCode, output) = ChildProcess.Run(Train(name), Limit);
                Assert.That(exitCode, Is.Zero, output);
                Assert.That(RunFiles.Describe(folder[name]), Is.EqualTo(expected), name);
                Directory.Delete(folder[name], recursive: true);
            }
        });
    }

    /// <summary>The kernel gives the lock of a process that is killed away, and a living one keeps it.</summary>
    [Test]
    public void ASecondProcessInAFolderIsRefusedInWords()
    {
        var start = Train("run");
        start.ArgumentList[start.ArgumentList.IndexOf("2")] = "100000";
        (start.RedirectStandardOutput, start.RedirectStandardError) = (true, true);
        using var first = Process.Start(start)!;
        try
        {
            string owner = folder[Path.Combine("run", ".run.owner")];
            for (long began = Stopwatch.GetTimestamp(); !File.Exists(owner) && Stopwatch.GetElapsedTime(began) < Limit;)
                Thread.Sleep(20);
            var (exitCode, output) = ChildProcess.Run(Train("run"), Limit);
            Assert.That(exitCode, Is.EqualTo(ExitCodes.BadData), output);
            Assert.That(output, Does.Contain($"process {first.Id} on {Environment.MachineName}").And.Not.Contain("   at "));
        }
        finally
        {
            first.Kill();
            first.WaitForExit();
        }
        var (after, text) = ChildProcess.Run(Train("run"), Limit);
        Assert.That(after, Is.Zero, text);
    }

    /// <returns>Whether the process still ran when its time came.</returns>
    bool KillAfter(TimeSpan time, string experiment)
    {
        var start = Train(experiment);
        (start.RedirectStandardOutput, start.RedirectStandardError) = (true, true);
        using var process = Process.Start(start)!;
        process.OutputDataReceived += static (_, _) => { };
        process.ErrorDataReceived += static (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        bool ended = process.WaitForExit(time);
        process.Kill();
        process.WaitForExit();
        return !ended;
    }
}
