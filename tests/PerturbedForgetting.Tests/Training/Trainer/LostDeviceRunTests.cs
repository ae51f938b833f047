using PerturbedForgetting.Cuda;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Tests.Training;

/// <summary>A GPU that fails in mid-run: what was saved stays, and another device goes on from it.</summary>
sealed class LostDeviceRunTests
{
    readonly string output = Directory.CreateTempSubdirectory("lost").FullName;

    [OneTimeTearDown]
    public void Delete() => Directory.Delete(output, recursive: true);

    [Test]
    public void TheLastCheckpointIsKeptNamedAndGoesOn([Values("off", "on")] string graph)
    {
        // A whole run of one epoch costs more operations than its checkpoint comes after, and less than six epochs.
        SimulatedDriver whole = Register(new SimulatedDeviceOptions());
        ShortRun.Train(Options("whole-" + graph, graph) with { Epochs = 1 });
        Register(new SimulatedDeviceOptions { LostAfterOperations = whole.OperationsRun });
        DeviceException error = Assert.Throws<DeviceException>(() => ShortRun.Train(Options("lost-" + graph, graph)))!;
        Assert.That(error.Message, Does.Contain($"The GPU was lost after {whole.OperationsRun} operations")
            .And.Match(@"in epoch [1-5] after batch [012] of 2\. The last checkpoint is '"));
        Assert.That(error.InnerException, Is.TypeOf<CudaException>());
        string checkpoint = error.Message.Split('\'')[^2];
        RecordingObserver observer = new();
        TrainResult result = ShortRun.Train(Options("", graph) with { Resume = checkpoint, Device = "cpu", CudaGraph = null }, observer);
        Assert.That((result.Status, result.Epochs.Count), Is.EqualTo((TrainStatus.Completed, 6)));
    }

    [Test]
    public void BeforeTheFirstCheckpointThatIsSaid()
    {
        Register(new SimulatedDeviceOptions { LostAfterOperations = 200 });
        Assert.That(() => ShortRun.Train(Options("early", "off")),
            Throws.TypeOf<DeviceException>().Or.TypeOf<CudaException>().With.Message.Contains("The GPU was lost after 200 operations"));
    }

    static SimulatedDriver Register(SimulatedDeviceOptions options)
    {
        var driver = new SimulatedDriver(options);
        Device.Register("fragile", chosen => Device.OpenCuda(CudaDevice.All(driver.Api)[0], driver.Libraries, "fragile", chosen, driver));
        return driver;
    }

    TrainOptions Options(string experiment, string graph) => ShortRun.Options(output, experiment) with
    {
        Device = "fragile",
        Dataset = "builtin/shapes:train=16,val=8,size=8",
        ImgSize = 8,
        GradAccumSteps = 1,
        Epochs = 6,
        CudaGraph = graph == "on",
    };
}
