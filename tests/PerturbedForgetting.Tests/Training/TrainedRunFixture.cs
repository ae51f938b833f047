using PerturbedForgetting.Training;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Tests.Training;

/// <summary>Tests of what becomes of one short run's checkpoint.</summary>
abstract class TrainedRunFixture
{
    protected TempFolder folder = null!;
    protected TrainResult run = null!;

    /// <summary>The checkpoint of the run's end.</summary>
    protected string Last => Path.Combine(run.Folder, "last.safetensors");

    /// <summary>Changes the options of the run.</summary>
    protected virtual TrainOptions Choose(TrainOptions options) => options;

    [OneTimeSetUp]
    public void Train()
    {
        folder = new TempFolder();
        run = ShortRun.Train(Choose(ShortRun.Options(folder.Path)));
    }

    [OneTimeTearDown]
    public void RemoveFolder() => folder.Dispose();
}
