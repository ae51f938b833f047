using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Libraries;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training.Optimizers;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Tests.Training;

/// <summary>Training on software GPUs of several kinds: without libraries, with TF32, with every legal order of the work of
/// streams.</summary>
[TestFixture]
sealed class SoftwareGpuTrainingTests
{
    const int Steps = 3;

    static readonly SimulatedDeviceOptions usual = new();

    static IEnumerable<TestCaseData> Machines()
    {
        yield return Case("without cuDNN", usual with { CudnnVersion = null }, "cuDNN");
        yield return Case("without cuBLAS", usual with { CublasVersion = null }, "cuBLAS");
        yield return Case("without cuBLASLt", usual with { CublasLtVersion = null }, "cuBLASLt");
        yield return Case("with a driver alone", usual with { CudnnVersion = null, CublasVersion = null, CublasLtVersion = null }, "cuDNN",
            "cuBLAS");

        static TestCaseData Case(string name, SimulatedDeviceOptions machine, params string[] missing) =>
            new TestCaseData(machine, missing).SetArgDisplayNames(name);
    }

    [TestCaseSource(nameof(Machines))]
    public void AMissingLibraryIsReplacedAndMentionedOnce(SimulatedDeviceOptions machine, string[] missing)
    {
        using Device gpu = TestDevices.OpenSoftwareGpu(machine);
        foreach (string library in missing)
            Assert.That(gpu.Notes, Has.Exactly(1).Contain($"no {library}:"));
        foreach (string network in (string[])["resnet", "vit"])
        {
            using var expected = new SmallRun(network, "sam_sgdw", Device.Cpu).Train(Steps);
            using var actual = new SmallRun(network, "sam_sgdw", gpu).Train(Steps);
            actual.AssertNear(expected, losses: 1e-5, weights: 1e-4);
        }
    }

    [Test]
    public void ACompleteMachineHasNothingToSay()
    {
        using Device gpu = TestDevices.OpenSoftwareGpu(usual);
        Assert.That(gpu.Notes, Is.Empty);
    }

    /// <summary>TF32 has 11 significant bits. Both factors of a product are rounded, by 2^-12 of their size on average, so that a product
    /// is off by 2^-11 at most where errors do not cancel; some ten products on the way to the loss and ten more to a gradient.</summary>
    [TestCase("resnet")]
    [TestCase("vit")]
    public void TensorCoresRoundToEleventhBits(string network)
    {
        const double Product = 1.0 / (1 << 11);
        using Device gpu = TestDevices.OpenSoftwareGpu(usual, new DeviceOptions { AllowTf32 = true });
        using var expected = new SmallRun(network, "sam_sgdw", Device.Cpu).Train(20);
        using var actual = new SmallRun(network, "sam_sgdw", gpu).Train(20);
        actual.AssertNear(expected, losses: 10 * Product, weights: 20 * Product);
        Assert.That(actual.Losses, Is.Not.EqualTo(expected.Losses));
    }

    /// <summary>The checks of the software GPU find nothing in a training step of any family of models, whatever the order in which blocks,
    /// warps and streams run: no race, no read of what was not written, no sum in the order of arrival.</summary>
    [Test]
    public void TrainingIsFreeOfFindings([Values("resnet", "vit", "vit-average", "vit-narrow")] string network,
        [Values("sam_sgdw", "sam_adamw")] string optimizer)
    {
        int steps = EnvironmentVariables.AllTests.Value is "1" ? 20 : Steps;
        using var driver = new SimulatedDriver(usual with { ShuffleSeed = 3 });
        using Device gpu = Device.OpenCuda(CudaDevice.All(driver.Api)[0], CudaLibraries.None, "sim", new DeviceOptions(), driver);
        using var run = new SmallRun(network, optimizer, gpu).Train(steps);
        Assert.That(driver.Fault, Is.Null);
    }

    /// <summary>The input comes on a stream of its own, so there is an order to get wrong.</summary>
    [Test]
    public void NoOrderOfStreamsChangesABit()
    {
        using var folder = new TempFolder();
        var options = ShortRun.Options(folder.Path) with
        {
            Opt = OptimizerName.Parse("sam_sgdw"),
            PerturbLoss = PerturbLoss.OutputBiasForget,
            ObfC = 10,
            Workers = 2,
            Epochs = 1,
            WarmupEpochs = 0,
            Precision = GpuPrecision.Fp32
        };
        string? expected = null;
        foreach (int? seed in (int?[])[null, 1, 2, 3])
        {
            string name = seed is { } s ? $"sim-shuffled-{s}" : "sim-in-order";
            Device.Register(name, chosen => TestDevices.OpenSoftwareGpu(usual with { ShuffleSeed = seed }, chosen));
            var result = ShortRun.Train(options with { Device = name, Experiment = name });
            string hash = ShortRun.Hash(Path.Combine(result.Folder, "last"));
            expected ??= hash;
            Assert.That(hash, Is.EqualTo(expected), name);
        }
    }
}
