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

/// <summary>A driver compiles a module whole when the first of its kernels is asked for, which a user waits for at the start of a run. So a
/// step of SAM with output-bias forgetting loads no module of which it launches nothing, and its modules hold little that it does not
/// need.</summary>
[TestFixture]
sealed class ModulesOfAStepTests
{
    // One block of each kind has the kernels of the whole network.
    [TestCase("vit_small_patch16_224", "depth", "1", "sam_adamw", 45_000)]
    [TestCase("resnet50", "layers", "[1,1,1,1]", "sam_sgdw", 20_000)]
    public void AreFewAndNeeded(string name, string option, string value, string optimizer, int mostLines)
    {
        var driver = new SimulatedDriver();
        using var device = Device.OpenCuda(CudaDevice.All(driver.Api)[0], driver.Libraries, "sim", owned: driver);
        using var onDevice = Initialization.Begin(0, device);
        using var tensors = Scope.Begin();
        var kwargs = new Dictionary<string, string> { [option] = value };
        Module model = ModelRegistry.Create(name, new ModelOptions { ImageSize = 32, Kwargs = kwargs });
        using var arena = new ParameterArena(model);
        using var updates = OptimizerFactory.Create(OptimizerName.Parse(optimizer), arena, new() { WeightDecay = 0.05, Momentum = 0.9 });
        using var step = new TrainingStep(model, arena, updates, new(static (x, y) => Ops.CrossEntropy(x, y))
        {
            Perturbation = new() { Loss = static (x, y) => Ops.OutputBiasForget(x, y, 10, 1) },
        }, new LinearSchedule(0.1, 0, 0, 0, 1, 1), RhoPolicy.Constant(0.05));
        Tensor images = Tensor.Ones([2, 32, 32, 3], DType.Float32, device), labels = Tensor.From((int[])[3, 7], [2], device);
        step.AddGradient(images, labels, UpdateWindow.At(0, 1, 1));
        step.Update();
        device.Synchronize();

        string[] modules = [.. driver.Modules.Order(StringComparer.Ordinal)];
        int lines = modules.Sum(static module => KernelFiles.Used.Read(module).Count(static b => b == '\n'));
        TestContext.Out.WriteLine($"{name}: {lines} lines of PTX in {modules.Length} modules: {string.Join(", ", modules)}");
        foreach (string module in modules)
        {
            Assert.That(driver.Counters.Keys.Any(kernel => kernel == module || kernel.StartsWith(module + "_", StringComparison.Ordinal)),
                $"nothing of {module} is launched");
        }
        Assert.That(lines, Is.LessThanOrEqualTo(mostLines));
    }
}
