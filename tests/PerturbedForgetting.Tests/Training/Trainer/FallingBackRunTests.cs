using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Tests.Training;

/// <summary>Whole runs on a GPU that refuses something: what a person is told, and that nothing else changes.</summary>
[TestFixture]
sealed class FallingBackRunTests
{
    const string Refusing = "sim-refusing-graphs";

    [OneTimeSetUp]
    public void RegisterDevice() => Device.Register(Refusing, static chosen => TestDevices.OpenSoftwareGpu(new SimulatedDeviceOptions
    {
        Refusals = [new("cuGraphInstantiate", (int)CudaResult.NotSupported), new("cudnnConvolutionBackwardData", 3000, First: 1, Count: 1)],
    }, chosen));

    [Test]
    public void ARefusedStepGraphIsToldOnceAndChangesNothing()
    {
        using var folder = new TempFolder();
        RecordingObserver auto = new(), off = new();
        var refused = ShortRun.Train(Options(folder, "auto"), auto);
        var eager = ShortRun.Train(Options(folder, "off") with { CudaGraph = false }, off);
        Assert.That(ShortRun.Hash(Path.Combine(refused.Folder, "last")), Is.EqualTo(ShortRun.Hash(Path.Combine(eager.Folder, "last"))));
        Assert.That(auto.Messages, Has.Exactly(1).Contain("goes on launch by launch"));
        Assert.That(off.Messages, Has.None.Contain("launch by launch"));
        foreach (RecordingObserver observer in (RecordingObserver[])[auto, off])
        {
            Assert.That(observer.Messages, Has.Exactly(1).Match(@"^First step after \d+\.\d s: \d+\.\d s to open data, model and device, "
                + @"\d+\.\d s in the step itself, with the compiling"));
            Assert.That(observer.Messages, Has.Exactly(1).Contain("An algorithm of cuDNN (number"));
        }
    }

    [Test]
    public void AStepGraphThatIsAskedForMustBeTaken()
    {
        using var folder = new TempFolder();
        Assert.That(() => ShortRun.Train(Options(folder, "on") with { CudaGraph = true }), Throws.TypeOf<DeviceException>()
            .With.Message.Contains("--cuda-graph on asks for").And.Message.Contains("epoch 1 after batch 1 of"));
    }

    static TrainOptions Options(TempFolder folder, string experiment) => ShortRun.Options(folder.Path, experiment) with
    {
        Dataset = "builtin/shapes:train=32,val=8,size=16",
        Device = Refusing,
        GradAccumSteps = 1,
        Epochs = 1,
        WarmupEpochs = 0,
        Precision = GpuPrecision.Fp32,
    };
}
