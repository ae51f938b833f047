using System.Diagnostics;
using System.Globalization;
using Benchmarks;
using PerturbedForgetting.Cli;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tests.Training;

namespace PerturbedForgetting.Tests.Cli;

/// <summary>The program itself as several processes that train over the real libraries of MPI, or over the simulated NCCL: their weights
/// are, bit for bit, those of one process whose groups (<c>--sharpness-m</c>) are as large as a batch of each.</summary>
[TestFixture, Parallelizable, Platform("Linux")]
sealed class TrainedTogetherTests : TempFolderFixture
{
    const int Together = 16;

    const string Obf = "--opt sam_sgdw --perturb-loss obf --obf-C 4", Gsam = "--opt sam_adamw --gsam-alpha 0.3 --clip-grad 0.5",
        Random = "--opt randsam_sgdw";

    /// <summary>20 updates on the CPU, of two batches each where more than two processes add up: sums are then in float64. The last is done
    /// where <see cref="EnvironmentVariables.AllTests"/> is set.</summary>
    static IEnumerable<TestCaseData> OnProcessors() => new TestCaseData[]
    {
        new("mpirun.openmpi", 4, $"{Gsam} --grad-accum-steps 2", 40),
        new("mpirun.mpich", 2, Random, 20),
        new("mpirun.openmpi", 2, Obf, 20),
    }.Take(IsWhole ? 3 : 2);

    [TestCaseSource(nameof(OnProcessors))]
    public void TheyMakeTheWeightsOfOne(string launcher, int processes, string method, int batches)
    {
        string share = (Together / processes).ToString(CultureInfo.InvariantCulture);
        Run(One("cpu", method, batches, share));
        AssertTogether(MpiRun.Start(Find(launcher), processes, "dotnet", Train("cpu", method, batches, "each", $"-b {share}")), processes);
    }

    /// <summary>An update of the interpreted GPU: by NCCL, from both launchers, and without it through the memory of the host.</summary>
    [Test]
    public void GpusMakeTheWeightsOfOne()
    {
        Run(One("sim", Obf, 1, "8"));
        string[] each = Train("sim", Obf, 1, "each", "-b 8");
        AssertTogether(MpiRun.Start(Find("mpirun.openmpi"), 2, "dotnet", each), 2);
        AssertTogether(new("dotnet", [.. each, "--gpus", "2"]), 2);
        if (!IsWhole)
            return;
        var start = MpiRun.Start(Find("mpirun.mpich"), 2, "dotnet", each);
        start.Environment["PERTURBED_FORGETTING_NCCL"] = "none";
        Assert.That(AssertTogether(start, 2), Does.Contain("Tensors go from process to process through the memory of the host"));
    }

    static bool IsWhole => EnvironmentVariables.AllTests.Value == "1";

    ProcessStartInfo One(string device, string method, int batches, string group) =>
        new("dotnet", Train(device, method, batches, "one", $"-b {Together} --sharpness-m {group}"));

    /// <returns>What they said.</returns>
    string AssertTogether(ProcessStartInfo start, int processes)
    {
        string output = Run(start);
        Assert.That(output, Does.Contain($"Processes: {processes} processes started by").And.Contain("Communication in this epoch: "));
        RunFiles.AssertSameWeights(folder["one"], folder["each"]);
        Directory.Delete(folder["each"], recursive: true);
        return output;
    }

    string[] Train(string device, string method, int batches, string experiment, string more) =>
    [
        typeof(CommandLineApp).Assembly.Location, "train", "--dataset",
        FormattableString.Invariant($"builtin/shapes:train={Together * batches},val=10,size=16"),
        .. ("--img-size 16 -m vit_small_patch32_224 --model-kwargs patch_size=8 embed_dim=32 depth=2 num_heads=2 --epochs 1 --lr 0.02 "
            + $"--rho 0.1 --warmup-epochs 0 -j 0 --threads 1 --device {device} {method} {more}")
            .Split(' ', StringSplitOptions.RemoveEmptyEntries),
        "--output", folder.Path, "--experiment", experiment,
    ];

    static string Find(string launcher)
    {
        string? program = MpiRun.Find(launcher);
        Assert.That(program, Is.Not.Null, $"There is no {launcher}: apt install openmpi-bin mpich.");
        return program!;
    }

    static string Run(ProcessStartInfo start)
    {
        (int exitCode, string output) = ChildProcess.Run(start, ManyProcesses.Limit);
        Assert.That(exitCode, Is.Zero, output);
        return output;
    }
}
