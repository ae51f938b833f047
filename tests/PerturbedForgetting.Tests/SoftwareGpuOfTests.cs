using PerturbedForgetting.Cli;
using PerturbedForgetting.Tests.Cuda;

namespace PerturbedForgetting.Tests;

/// <summary>The software GPU that kernels and operations are tested on looks as the environment asks, like that of the command line. Apart
/// from the fixtures' own files, which are also compiled without the command line.</summary>
[SetUpFixture]
sealed class SoftwareGpuOfTests
{
    [OneTimeSetUp]
    public void Read() => KernelDevices.Software = SoftwareGpuOptions.FromEnvironment();
}
