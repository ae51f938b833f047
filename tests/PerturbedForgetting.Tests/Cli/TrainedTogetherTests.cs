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

    /// <summary>20 updates on the CPU, of two batches each where more than two processes add up: sums are then in float64. One or two on the
    /// interpreted GPU. The last are done where <see cref="EnvironmentVariables.AllTests"/> is set.</summary>
    static IEnumerable<TestCaseData> Cases() => new TestCaseData[]
    {
        new("mpirun.openmpi", 4, "cpu", $"{Gsam} --grad-accum-steps 2", 40, ""),
        new("mpirun.mpich", 2, "cpu", Random, 20, ""),
        new("mpirun.openmpi", 2, "sim", Obf, 2, ""),
        new("", 2, "sim", Obf, 1, ""),
        new("mpirun.openmpi", 2, "cpu", Obf, 20, ""),
        new("mpirun.mpich", 2, "sim", Obf, 2, "Tensors go from process to process through the memory of the host"),
    }.Take(EnvironmentVariables.AllTests.Value == "1" ? int.MaxValue : 4);

    /// <param name="launcher">Of MPI; empty for <c>--gpus</c>.</param>
    /// <param name="processes">How many.</param>
    /// <param name="device">Of each.</param>
    /// <param name="method">Options of the update.</param>
    /// <param name="batches">Of all together.</param>
    /// <param name="note">What is said of GPUs that have no NCCL; empty where they have it.</param>
    [TestCaseSource(nameof(Cases))]
    public void TheyMakeTheWeightsOfOne(string launcher, int processes, string device, string method, int batches, string note)
    {
        string share = (Together / processes).ToString(CultureInfo.InvariantCulture);
        string[] one = Train(device, method, batches, "one", $"-b {Together} --sharpness-m {share}");
        Run(new("dotnet", one), out _);
        string[] each = Train(device, method, batches, "each", $"-b {share} {(launcher == "" ? $"--gpus {processes}" : "")}");
        var start = launcher == "" ? new("dotnet", each) : MpiRun.Start(Find(launcher), processes, "dotnet", each);
        if (note.Length > 0)
            start.Environment["PERTURBED_FORGETTING_NCCL"] = "none";
        Run(start, out string output);
        Assert.That(output, Does.Contain($"Processes: {processes} processes started by").And.Contain("Communication in this epoch: ")
            .And.Contain(note));
        RunFiles.AssertSameWeights(folder["one"], folder["each"]);
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

    static void Run(ProcessStartInfo start, out string output)
    {
        (int exitCode, output) = ChildProcess.Run(start, ManyProcesses.Limit);
        Assert.That(exitCode, Is.Zero, output);
    }
}
