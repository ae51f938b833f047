using System.Text;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends.Cuda;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Training.Optimizers;
using PerturbedForgetting.Training.Schedules;
using PerturbedForgetting.Training.Updates;
using PerturbedForgetting.Vision.Models;

namespace PerturbedForgetting.Tests.Training.Updates;

/// <summary>A driver compiles a module whole when the first of its kernels is needed, so a run should load no module for the sake of few of its
/// kernels: these are the modules of a step of SAM with output-bias forgetting.</summary>
[TestFixture]
sealed class ModulesOfAStepTests
{
    static readonly string[] common =
    [
        "add_broadcast",
    ];

    [Test]
    public void OfViTS() => Assert.That(Modules("vit_small_patch16_224", "sam_adamw", new() { ["depth"] = "1" }), Is.EqualTo((string[])[.. common]));

    [Test]
    public void OfResNet50() => Assert.That(Modules("resnet50", "sam_sgdw", new() { ["layers"] = "[1,1,1,1]" }), Is.EqualTo((string[])[.. common]));

    static string[] Modules(string name, string optimizer, Dictionary<string, string> kwargs)
    {
        // Nothing waits for the launches, so that nothing is interpreted; what is left in the end is lost.
        var driver = new SimulatedDriver(new SimulatedDeviceOptions { LostAfterOperations = 1000 });
        using var device = Device.OpenCuda(CudaDevice.All(driver.Api)[0], driver.Libraries, "sim", owned: driver);
        using var onDevice = Initialization.Begin(0, device);
        using var undefined = Initialization.BeginUndefined();
        using var tensors = Scope.Begin();
        Module model = ModelRegistry.Create(name, new ModelOptions { Kwargs = kwargs });
        using var arena = new ParameterArena(model);
        using var updates = OptimizerFactory.Create(optimizer, arena, new() { WeightDecay = 0.05, Momentum = 0.9 });
        using var step = new TrainingStep(model, arena, updates, new(static (x, y) => Ops.CrossEntropy(x, y))
        {
            Perturbation = new() { Loss = static (x, y) => Ops.OutputBiasForget(x, y, 10, 1) },
        }, new LinearSchedule(0.1, 0, 0, 0, 1, 1), RhoPolicy.Constant(0.05));
        step.AddGradient(Tensor.Empty([2, 224, 224, 3], DType.Float32, device), Tensor.Empty([2], DType.Int32, device), UpdateWindow.At(0, 1, 1));
        step.Update();
        string[] modules = [.. driver.Modules.Order(StringComparer.Ordinal)];
        TestContext.Out.WriteLine($"{name}: {modules.Length} modules, {modules.Sum(static m => KernelLibrary.ReadImage(m).Count(static b => b == '\n'))} lines");
        return modules;
    }
}
