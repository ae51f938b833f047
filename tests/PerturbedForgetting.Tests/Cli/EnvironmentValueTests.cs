using System.Diagnostics;
using PerturbedForgetting.Cli;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors.Backends.Cpu.Compute;

namespace PerturbedForgetting.Tests.Cli;

/// <summary>Environment variables that choose how the processor computes, and what is said of values that mean nothing.</summary>
[TestFixture, Parallelizable]
sealed class EnvironmentValueTests : TempFolderFixture
{
    [TestCase(null, 4), TestCase(" ", 4), TestCase("Direct", 0), TestCase("winograd ", 4), TestCase("winograd2", 2)]
    public void AlgorithmsAreChosen(string? value, int largestSide) => Assert.That(Winograd.LargestSide(value), Is.EqualTo(largestSide));

    [TestCase("fft"), TestCase("winograd3"), TestCase("direct,winograd")]
    public void UnknownAlgorithmIsRefused(string value) => Assert.That(() => Winograd.LargestSide(value),
        Throws.TypeOf<EnvironmentVariableException>().With.Message.Contains($"{EnvironmentVariables.Convolution}={value}"));

    [TestCase("PERTURBED_FORGETTING_SIMD", "sse4"), TestCase("PERTURBED_FORGETTING_CONVOLUTION", "fft")]
    public void TheProgramNamesVariableValueAndRemedy(string variable, string value)
    {
        ProcessStartInfo start = new(SourceTree.Dotnet,
        [
            typeof(CommandLineApp).Assembly.Location, "train", "--dataset", "builtin/shapes:train=16,val=16,size=16", "-m", "resnet20",
            "--img-size", "16", "-b", "8", "--epochs", "1", "--output", folder.Path, "--experiment", variable, "--device", "cpu",
        ]);
        start.Environment[variable] = value;
        var (exitCode, output) = ChildProcess.Run(start, TimeSpan.FromMinutes(2));
        Assert.Multiple(() =>
        {
            Assert.That(output, Does.Match($@"(?m)^error: {variable}={value} is not .*\. Use .*, or unset it\.\r?$"));
            Assert.That(output, Does.Not.Contain("   at "));
            Assert.That(exitCode, Is.EqualTo(ExitCodes.WrongOption));
        });
    }
}
