using PerturbedForgetting.Cli;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Tests.Cli;

/// <summary>What a user is told when a device fails: one message, exit code 4, no stack trace.</summary>
[NonParallelizable]
sealed class DeviceFailureTests
{
    [TearDown]
    public void TakeBack() => Environment.SetEnvironmentVariable(SoftwareGpuOptions.Variable, null);

    [TestCase("memory=1M", "out of memory: cuMemAlloc failed: CUDA_ERROR_OUT_OF_MEMORY", "Use a smaller batch")]
    [TestCase("memory=8M", "out of memory: No memory for a tensor", "--batch-size")]
    [TestCase("capability=75", "device: Opening ", "Use a newer GPU, or --device cpu.")]
    [TestCase("driver=11.4", "device: Opening ",
        "needs a driver for CUDA 11.8 (Linux: 520.43 or newer); the driver here is for CUDA 11.4. Update the NVIDIA driver.")]
    [TestCase("lost-after=3", "device: ", "The GPU was lost after 3 operations")]
    [TestCase("lost-after=3,shuffle=1", "device: ", "The GPU was lost after 3 operations")]
    public void AFailureOfTheDeviceIsOneMessage(string simulated, string beginning, string words)
    {
        (int exitCode, string error) = Run(simulated);
        Assert.That(exitCode, Is.EqualTo(4), error);
        Assert.That(error, Does.StartWith(beginning).And.Contain(words).And.Not.Contain("   at "));
        Assert.That(error.TrimEnd().Split('\n'), Has.Length.EqualTo(1), error);
    }

    [TestCase("cudnn=8.9.7", "CUDNN", "cuDNN cannot be used: cuDNN (software GPU) is of version 8.9.7; 9 is needed.")]
    [TestCase("cudnn-cuda=13.0", "CUDNN", "is made for CUDA 13, and the driver for CUDA 12.")]
    [TestCase("cublas=11", "CUBLAS", "cuBLAS cannot be used: cuBLAS (software GPU) is of version 11.0.0; 12 or 13 is needed.")]
    [TestCase("refuse=cublasCreate:1", "CUBLAS", "cuBLAS cannot be used: software GPU cannot start. cuBLAS 12.6.4: cublasCreate failed: "
        + "CUBLAS_STATUS_NOT_INITIALIZED (1)")]
    // As cuBLAS 12.4 does under that driver.
    [TestCase("driver=11.8,refuse=cublasCreate:1", "CUBLAS", "cuBLAS cannot be used: software GPU cannot start.")]
    [TestCase("refuse=cudnnCreate:1008", "CUDNN", "CUDNN_STATUS_SUBLIBRARY_LOADING_FAILED")]
    public void ALibraryThatCannotBeUsedIsAnErrorWhereItIsNamed(string simulated, string library, string words)
    {
        string variable = "PERTURBED_FORGETTING_" + library;
        (int exitCode, string error) = Run(simulated, device => Assert.That(device.Notes, Has.Some.StartsWith("Without ")
            .And.One.Contains($"{variable}=none hides it.")));
        Assert.That(exitCode, Is.Zero, error);
        Environment.SetEnvironmentVariable(variable, "its-file");
        try
        {
            (exitCode, error) = Run(simulated);
            Assert.That(exitCode, Is.EqualTo(4), error);
            Assert.That(error, Does.StartWith("device: ").And.Contain(words).And.Contain($"{variable}=none").And.Not.Contain("   at "));
        }
        finally
        {
            Environment.SetEnvironmentVariable(variable, null);
        }
    }

    [Test]
    public void AWrongVariableIsAWrongOption()
    {
        (int exitCode, string error) = Run("memmory=1M");
        Assert.That(exitCode, Is.EqualTo(2));
        Assert.That(error.TrimEnd(), Does.StartWith("error: PERTURBED_FORGETTING_SIM: there is no 'memmory'. "
            + "Did you mean 'memory'? It knows card, memory, capability, driver, cublas, cublaslt, cudnn, ").And.Not.Contain("\n"));
    }

    [Test]
    public void AFailureOfALibraryIsOneToo()
    {
        CliHarness cli = new()
        {
            Train = (_, _) =>
            throw new CudaLibraryException("cuDNN 9.13.0", "cudnnCreate", 1001, "CUDNN_STATUS_NOT_INITIALIZED", "", "Do this.")
        };
        Assert.That(cli.Run("train", "--dataset", "builtin/shapes"), Is.EqualTo(4));
        Assert.That(cli.Error.TrimEnd(),
            Is.EqualTo("device: cuDNN 9.13.0: cudnnCreate failed: CUDNN_STATUS_NOT_INITIALIZED (1001). Do this."));
    }

    [Test]
    public void SoIsATensorThatTheDeviceCannotTake()
    {
        CliHarness cli = new() { Train = static (_, _) => throw new DeviceLimitException("A batch norm has at most 7 channels, not 8.") };
        Assert.That(cli.Run("train", "--dataset", "builtin/shapes"), Is.EqualTo(4));
        Assert.That(cli.Error.TrimEnd(), Is.EqualTo("device: A batch norm has at most 7 channels, not 8."));
    }

    [TestCase("cudnn=8", "PERTURBED_FORGETTING_CUDNN", "Without cuDNN convolutions run as matrix products")]
    [TestCase("cublas=11", "PERTURBED_FORGETTING_CUBLAS", "Without cuBLAS matrix products run in this project's own kernels")]
    [TestCase("cublaslt=11", "PERTURBED_FORGETTING_CUBLASLT", "Without cuBLASLt biases and their gradients take passes of their own")]
    public void TheRemedyWorksAndItsCostIsTold(string simulated, string variable, string note)
    {
        Environment.SetEnvironmentVariable(variable, "none");
        try
        {
            (int exitCode, string error) = Run(simulated, device => Assert.That(device.Notes, Has.One.StartsWith(note)));
            Assert.That(exitCode, Is.Zero, error);
        }
        finally
        {
            Environment.SetEnvironmentVariable(variable, null);
        }
    }

    [Test]
    public void TheVariableShapesWhatDevicesShows()
    {
        Environment.SetEnvironmentVariable(SoftwareGpuOptions.Variable, "capability=75,memory=3G");
        CliHarness cli = new();
        Assert.That(cli.Run("devices"), Is.Zero);
        Assert.That(cli.Output, Does.Match(@"\nsim\r?\n.*\r?\n  memory +3\.0 GiB\r?\n  capability +7\.5\r?\n")
            .And.Match(@"unusable +The PTX is for compute capability 8\.0"));
    }

    // What any run does: values go to the device, are worked on, and come back.
    static (int ExitCode, string Error) Run(string simulated, Action<Device>? look = null)
    {
        Environment.SetEnvironmentVariable(SoftwareGpuOptions.Variable, simulated);
        CliHarness cli = new()
        {
            Train = (_, _) =>
            {
                using Device device = Device.Open("sim");
                using Tensor x = Tensor.From(new float[1 << 20], [1 << 20], device), y = x + x;
                y.ToArray<float>();
                look?.Invoke(device);
            },
        };
        return (cli.Run("train", "--dataset", "builtin/shapes"), cli.Error);
    }
}
