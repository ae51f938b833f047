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
        // What libraries do has names of two words.
        foreach (string kernel in KernelProfiler.Kernels.Where(k => !k.Contains(' ')))
            Assert.That(KernelFiles.Used.Names.Any(f => kernel == f || kernel.StartsWith(f + "_", StringComparison.Ordinal)), kernel);
    }

    [Test]
    public void ATableShowsTheBytesOfAnElement()
    {
        CliHarness cli = new();
        using TempFolder folder = new();
        string file = folder["kernels.json"];
        Assert.That(cli.Run("kernels", "profile", "--filter", "elementwise_", "--output", file), Is.Zero, cli.Error);
        Assert.That(JsonDocument.Parse(File.ReadAllBytes(file)).RootElement.GetProperty("kernels").GetArrayLength(), Is.EqualTo(2));
        Assert.That(cli.Output, Does.Match(@"elementwise_add +\[262144\] +1 +8 / 8 +4 / 4 +100% +0 ")
            .And.Match(@"elementwise_scale +\[262144\] +1 +4 / 4 +4 / 4 +100% ")
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

    [Test]
    public void SideMakesEveryWorkloadLarger()
    {
        // What is stored once whatever the size: a loss.
        (string, int)[] filters = [("cross_entropy", 4), ("gemm_nn", 0), ("permute", 0), ("lerp", 0), ("gelu_backward", 0), ("patches", 0),
            ("attention_mma_tf32_64", 0)];
        foreach ((string filter, int once) in filters)
        {
            JsonElement[] sizes = [.. new[] { "1", "2" }.Select(side =>
            {
                CliHarness cli = new();
                Assert.That(cli.Run("kernels", "profile", "--filter", filter, "--json", "--side", side), Is.Zero, cli.Error);
                return JsonDocument.Parse(cli.Output).RootElement.GetProperty("kernels")[0];
            })];
            Assert.That(sizes[1].GetProperty("elements").GetInt64(), Is.EqualTo(4 * sizes[0].GetProperty("elements").GetInt64()), filter);
            Assert.That(sizes[1].GetProperty("bytes_stored").GetInt64(),
                Is.EqualTo((4 * (sizes[0].GetProperty("bytes_stored").GetInt64() - once)) + once), filter);
        }
    }

    [Test]
    public void LibrariesAreCountedAsTheyAreInTraining()
    {
        CliHarness cli = new();
        Assert.That(cli.Run("kernels", "profile", "--filter", "cu", "--json"), Is.Zero, cli.Error);
        JsonElement[] kernels = [.. JsonDocument.Parse(cli.Output).RootElement.GetProperty("kernels").EnumerateArray()
            .Where(k => k.GetProperty("family").GetString() == "library")];
        Assert.That(kernels.Select(k => k.GetProperty("kernel").GetString()), Is.EqualTo(new[]
        {
            "cublas sgemm", "cudnn convolution forward", "cudnn convolution backward data", "cudnn convolution backward filter",
        }));
        Assert.That(kernels.Select(k => k.GetProperty("launches").GetInt64()), Is.All.EqualTo(1));
        // Forward: images, filters, result.
        Assert.That(kernels[1].GetProperty("bytes_loaded").GetInt64(), Is.EqualTo(4 * ((56 * 56 * 64) + (64 * 9 * 64))));
        Assert.That(kernels[1].GetProperty("bytes_stored").GetInt64(), Is.EqualTo(4 * 56 * 56 * 64));
    }

    [Test]
    public void ARooflineShowsTheLeastTimeOnACard()
    {
        CliHarness cli = new();
        Assert.That(cli.Run("kernels", "profile", "--filter", "gelu_backward", "--roofline", "h100"), Is.Zero, cli.Error);
        Assert.That(cli.Output, Does.Contain("Least times on NVIDIA H100 80GB HBM3, computed and not measured: 3350 GB/s;"));
        // 512 rows of 384, read twice and written once: 12 bytes an element, 2.36 MB at 3350 GB/s.
        Assert.That(cli.Output, Does.Match(@"least us +bound by\s*\n[^\n]*gelu_backward[^\n]* 0\.70  memory"));
    }

    [TestCase("--roofline", "h10", "'h100' or 'h100-pcie'? There are a100,", 2)]
    [TestCase("--filter", "relo", "Did you mean 'relu'?", 2)]
    [TestCase("--device", "tpu", "neither 'sim' nor 'cuda'", 2)]
    [TestCase("--launches", "0", "between 1 and 100000", 2)]
    [TestCase("--launches", "2147483647", "between 1 and 100000", 2)]
    [TestCase("--output", "", "is empty", 2)]
    [TestCase("--side", "33", "between 1 and 32", 2)]
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
        Assert.That(isThere ? cli.Output : cli.Error, Does.Contain(isThere ? "of copy" : "--device sim"));
    }

    [Test]
    public void HelpListsTheOptions()
    {
        CliHarness cli = new();
        Assert.That(cli.Run("kernels", "profile", "--help"), Is.Zero);
        Assert.That(cli.Output, Does.Contain("--filter TEXT").And.Contain("--launches N").And.Contain("--device NAME"));
    }
}
