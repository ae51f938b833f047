using System.Text.Json;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Tensors.Backends.Cuda;
using PerturbedForgetting.Tensors.Backends.Cuda.Profiling;

namespace PerturbedForgetting.Tests.Cli;

sealed class KernelsProfileTests
{
    [Test]
    public void EveryWorkloadNamesAnEmbeddedKernelOnce()
    {
        Assert.That(KernelProfiler.Kernels, Is.Unique);
        foreach (string kernel in KernelProfiler.Kernels)
            Assert.That(KernelLibrary.Files.Any(file => kernel == file || kernel.StartsWith(file + "_", StringComparison.Ordinal)), kernel);
    }

    [Test]
    public void ATableShowsTheBytesOfAnElement()
    {
        CliHarness cli = new();
        Assert.That(cli.Run("kernels", "profile", "--filter", "elementwise_a"), Is.Zero, cli.Error);
        Assert.That(cli.Output, Does.Match(@"elementwise_add +\[262144\] +1 +8 / 8 +4 / 4 +100% +0 ").And.Match(@"elementwise_axpy +\[262144\] +1 +8 / 8 +4 / 4 +100% ")
            .And.Not.Contain("relu"));
    }

    [Test]
    public void JsonHasEveryKernelWithItsCounts()
    {
        CliHarness cli = new();
        Assert.That(cli.Run("kernels", "profile", "--filter", "relu", "--json", "--launches", "2"), Is.Zero, cli.Error);
        JsonElement[] kernels = [.. JsonDocument.Parse(cli.Output).RootElement.GetProperty("kernels").EnumerateArray()];
        Assert.That(kernels.Select(k => k.GetProperty("kernel").GetString()), Is.EqualTo(new[] { "relu", "relu_backward" }));
        Assert.That(kernels[1].GetProperty("bytes_loaded").GetInt64(), Is.EqualTo(2 * 8 * kernels[1].GetProperty("elements").GetInt64()));
        Assert.That(kernels.Select(k => k.GetProperty("sector_efficiency").GetDouble()), Is.All.EqualTo(1));
    }

    [TestCase("--filter", "relo", "Did you mean 'relu'?", 2)]
    [TestCase("--device", "tpu", "neither 'sim' nor 'cuda'", 2)]
    [TestCase("--launches", "0", "not positive", 2)]
    public void WrongOptionsAreExplained(string option, string value, string words, int exitCode)
    {
        CliHarness cli = new();
        Assert.That(cli.Run("kernels", "profile", option, value), Is.EqualTo(exitCode));
        Assert.That(cli.Error, Does.Contain(words));
    }

    [Test]
    public void ARealGpuIsMeasuredWhereThereIsOne()
    {
        CliHarness cli = new();
        int exitCode = cli.Run("kernels", "profile", "--filter", "relu", "--device", "cuda");
        bool isThere = CudaDevice.All(CudaDriverApi.Installed).Count > 0;
        Assert.That(exitCode, Is.EqualTo(isThere ? 0 : 4));
        Assert.That(isThere ? cli.Output : cli.Error, Does.Contain(isThere ? "microseconds" : "--device sim"));
    }

    [Test]
    public void HelpListsTheOptions()
    {
        CliHarness cli = new();
        Assert.That(cli.Run("kernels", "profile", "--help"), Is.Zero);
        Assert.That(cli.Output, Does.Contain("--filter TEXT").And.Contain("--launches N").And.Contain("--device NAME"));
    }
}
