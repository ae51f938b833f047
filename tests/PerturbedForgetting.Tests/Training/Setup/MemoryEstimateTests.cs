using PerturbedForgetting.Training;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Setup;

namespace PerturbedForgetting.Tests.Training.Setup;

/// <summary>What a run takes at least, and how much there is.</summary>
sealed class MemoryEstimateTests : TempFolderFixture
{
    const long Gibibyte = 1L << 30;

    [TestCase("resnet50", 128, "--batch-size: the run takes at least", "--grad-accum-steps, a smaller --sharpness-m")]
    [TestCase("vit_small_patch16_224", 128, "--batch-size: the run takes at least", "a smaller --img-size")]
    [TestCase("resnet101", 1, "--model: the run takes at least", "--model-kwargs")]
    public void ARunThatCannotFitIsRefusedWithWhatHelps(string model, int batch, params string[] expected)
    {
        TrainOptions options = new() { Model = model, BatchSize = batch };
        MemoryEstimate estimate = MemoryEstimate.OfTraining(options, numClasses: 1000, validationImages: 1000);
        HostMemory memory = new(Gibibyte / 2, "the limit of this process's control group");
        Assert.That(Assert.Throws<OptionException>(() => estimate.Require(memory, options))!.Message,
            expected.Aggregate(Does.Contain("the limit of this process's control group is 0.5 GiB"), (all, text) => all.And.Contain(text)));
        Assert.DoesNotThrow(() => estimate.Require(memory with { Bytes = 1000 * Gibibyte }, options));
    }

    /// <summary>A run says in its summary what it took: no less than was estimated, and not much more.</summary>
    [TestCase("resnet20", "", 32, 32, "sgd", "")]
    [TestCase("resnet18_cifar", "layers=[1,1,1,1]", 16, 8, "sam_adamw", "--gsam")]
    [TestCase("vit_tiny_patch4_32", "depth=2", 32, 8, "sam_sgdw", "--m 4")]
    public void ItIsNearWhatARunTakes(string model, string kwargs, int size, int batch, string opt, string more)
    {
        TrainOptions options = new()
        {
            Dataset = $"builtin/shapes:train={2 * batch},val=8,size=32",
            Model = model,
            ModelKwargs = Kwargs(kwargs),
            ImgSize = size,
            BatchSize = batch,
            Workers = 0,
            Epochs = 1,
            Output = folder.Path,
            Experiment = "run",
            Rho = 0.01,
            Opt = PerturbedForgetting.Training.Optimizers.OptimizerName.Parse(opt),
            GsamAlpha = more == "--gsam" ? 0.1 : 0,
            SharpnessM = more == "--m 4" ? 4 : -1,
        };
        // Of this process others may have left something.
        double before = PerturbedForgetting.Tensors.Device.Cpu.Memory.Live;
        double taken = Trainer.Run(options, PerturbedForgetting.Training.Progress.NullObserver.Instance, CancellationToken.None)
            .Epochs[0].PeakBytes - before;
        MemoryEstimate estimate = MemoryEstimate.OfTraining(options, numClasses: 10, validationImages: 8);
        double share = (estimate.Weights + estimate.Activations) / taken;
        TestContext.Out.WriteLine($"{share:P0} of {taken / (1 << 20):0.0} MiB");
        Assert.That(share, Is.InRange(0.5, 1.1));
    }

    [Test]
    public void AnImageThatIsTooLargeForAnyMemoryIsRefusedAndNotTried()
    {
        TrainOptions options = new() { Model = "resnet50", ImgSize = 16384, Dataset = "builtin/shapes:train=128,val=8,size=8" };
        Assert.That(Assert.Throws<OptionException>(() => Trainer.Run(options, new RecordingObserver(), CancellationToken.None))!.Message,
            Does.Contain("--img-size"));
    }

    [Test]
    public void LimitsOfControlGroupsAndOfThoseAboveAreFound()
    {
        Write("memory.max", "max");
        Write("a/memory.max", "2147483648");
        Write("a/b/memory.max", "4294967296");
        Write("memory/memory.limit_in_bytes", "9223372036854771712");
        Write("memory/c/memory.limit_in_bytes", "1073741824");
        Assert.That(HostMemory.OfGroups(["0::/a/b"], folder.Path), Is.EqualTo(new[] { 4 * Gibibyte, 2 * Gibibyte }));
        Assert.That(HostMemory.OfGroups(["12:cpu,memory:/c", "3:pids:/c"], folder.Path),
            Is.EqualTo(new[] { Gibibyte, 9223372036854771712 }));
        // The path is that of the host, which a container does not see.
        Assert.That(HostMemory.OfGroups(["0::/../elsewhere/x"], folder["a"]), Is.EqualTo(new[] { 2 * Gibibyte }));
        Assert.That(HostMemory.OfGroups(["nonsense", ""], folder.Path), Is.Empty);
    }

    [TestCase("Max address space         8589934592           unlimited            bytes     ", 8 * Gibibyte)]
    [TestCase("Max address space         unlimited            unlimited            bytes     ", null)]
    [TestCase("Max open files            1024                 4096                 files     ", null)]
    public void TheLimitOfAddressesIsRead(string line, long? expected) => Assert.That(HostMemory.Addresses([line]), Is.EqualTo(expected));

    [Test]
    public void ThisMachineHasMemory() => Assert.That(HostMemory.Find().Bytes, Is.GreaterThan(Gibibyte / 4));

    static Dictionary<string, object?> Kwargs(string text)
    {
        string[] pair = text.Split('=');
        return pair.Length < 2 ? [] : new() { [pair[0]] = PythonLiteral.Parse(pair[1]) };
    }

    void Write(string file, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(folder[file])!);
        File.WriteAllText(folder[file], text + "\n");
    }
}
