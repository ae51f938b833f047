using PerturbedForgetting.Cli;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Cards;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Profiling;
using PerturbedForgetting.Training.Profiling;
using PerturbedForgetting.Vision.Models;

namespace DeviceBenchmark;

/// <summary>The least time of a training step on a card, by what it launches: counted on a software GPU that executes nothing.</summary>
/// <param name="Ours">Launches of our step.</param>
/// <param name="PeakBytes">Memory of the device that it needs.</param>
/// <param name="Parameters">Parameters of the model.</param>
/// <param name="Reference">Launches of the reference's step; null for one without perturbation.</param>
sealed record StepCount(RooflineSum Ours, long PeakBytes, long Parameters, RooflineSum? Reference)
{
    // Memory is allocated and algorithms are chosen.
    const int WarmUp = 1;

    /// <summary>Counts a step.</summary>
    /// <exception cref="CudaException">The card has too little memory.</exception>
    public static StepCount Of(TrainingShape shape, Card card)
    {
        var roofline = new Roofline(card);
        var driver = new SimulatedDriver(SoftwareGpuOptions.FromEnvironment().As(card) with { Executes = false });
        using Device device = Device.OpenCuda(CudaDevice.All(driver.Api)[0], driver.Libraries, "sim", new DeviceOptions(), driver);
        using var training = new TrainingCase(device, shape, updates: 1000, graph: false);
        using Tensor images = Tensor.Persistent([shape.Batch, shape.Pixels, shape.Pixels, 3], DType.Float32, device);
        using Tensor labels = Tensor.Persistent([shape.Batch], DType.Int32, device).CopyFrom<int>(new int[shape.Batch]);
        for (int i = 0; i < WarmUp; i++)
            training.Step.Batch(images, labels, i, 1000);
        device.Synchronize();
        device.ResetPeak();
        using var profiler = new Profiler(device);
        training.Step.Batch(images, labels, WarmUp, 1000);
        var ours = RooflineTable.Sum(profiler.Finish(), roofline);
        return new(ours, device.Memory.Peak, training.Model.NamedParameters().Sum(static p => p.Parameter.Count), shape.Perturbs
            ? CountReference(training.Model, shape, roofline)
            : null);
    }

    static RooflineSum CountReference(ImageModel model, TrainingShape shape, Roofline roofline)
    {
        var sum = new RooflineSum(roofline);
        new ReferenceStep(sum, ModelSummary.Of(model), [.. model.NamedParameters().Select(p => p.Parameter.Count)], shape).Add();
        return sum;
    }
}
