using PerturbedForgetting.Cli;
using PerturbedForgetting.Cuda.Cards;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Tests.Cli;

/// <summary>The environment variable that shapes the software GPU.</summary>
sealed class SoftwareGpuOptionsTests
{
    [Test]
    public void EveryKeyIsUnderstood()
    {
        SimulatedDeviceOptions expected = new()
        {
            MemoryBytes = 64 << 20,
            ComputeCapability = 75,
            DriverVersion = 11040,
            CublasVersion = new(11, 0, 0),
            CublasLtVersion = null,
            CudnnVersion = new(8, 9, 7),
            CudnnCudaVersion = 13000,
            Multiprocessors = 4,
            Workers = 1,
            ShuffleSeed = 7,
            LostAfterOperations = 1000,
        };
        Assert.That(SoftwareGpuOptions.Parse("memory=64M,capability=75,driver=11040,cublas=11,cublaslt=none,cudnn=8.9.7,cudnn-cuda=13.0,"
            + "multiprocessors=4,workers=1,shuffle=7,lost-after=1000"), Is.EqualTo(expected));
        Assert.That(SoftwareGpuOptions
            .Parse(" memory = 64m , capability=7.5,driver=11.4, "
                + "cublas=11.0,cublaslt=none,cudnn=8.9.7,cudnn-cuda=13000,multiprocessors=4,workers=1,shuffle=7,lost-after=1000,"),
                    Is.EqualTo(expected));
    }

    [Test]
    public void CallsAreRefusedAsOftenAsWanted() => Assert.That(
        SoftwareGpuOptions.Parse("refuse=cuGraphInstantiate:801,refuse=cublasCreate:1@2,refuse=cuEventRecord:0@3x4").Refusals,
        Is.EqualTo(new SimulatedRefusal[] { new("cuGraphInstantiate", 801), new("cublasCreate", 1, 2), new("cuEventRecord", 0, 3, 4) }));

    [Test]
    public void ALostGpuHasTheCodeOneLikes()
    {
        SimulatedDeviceOptions options = SoftwareGpuOptions.Parse("lost-after=60,lost-code=700,execute=no");
        Assert.That((options.LostAfterOperations, options.LostCode, options.Executes), Is.EqualTo((60L, CudaResult.IllegalAddress, false)));
        Assert.That(SoftwareGpuOptions.Parse("lost-code=999,execute=yes"),
            Is.EqualTo(new SimulatedDeviceOptions { LostCode = CudaResult.Unknown }));
    }

    [Test]
    public void NothingChangesNothing() => Assert.That(SoftwareGpuOptions.Parse(""), Is.EqualTo(new SimulatedDeviceOptions()));

    [TestCase("12", 12)]
    [TestCase("3k", 3 << 10)]
    [TestCase("2G", 2L << 30)]
    public void MemoryHasUnits(string text, long bytes) =>
        Assert.That(SoftwareGpuOptions.Parse("memory=" + text).MemoryBytes, Is.EqualTo(bytes));

    [TestCase("card=rtx4090", "rtx4090", 89, 128, 24L << 30)]
    [TestCase("card=H100,memory=1G", "h100", 90, 132, 1L << 30)]
    [TestCase("memory=1G,multiprocessors=3,card=a10", "a10", 86, 3, 1L << 30)]
    public void ACardBringsItsLimits(string text, string name, int capability, int multiprocessors, long memory)
    {
        SimulatedDeviceOptions options = SoftwareGpuOptions.Parse(text);
        Assert.That((options.Card?.Name, options.ComputeCapability, options.Multiprocessors, options.MemoryBytes),
            Is.EqualTo((name, capability, multiprocessors, memory)));
    }

    [Test]
    public void TheDocumentNamesEveryCard()
    {
        string text = SourceTree.Page("gpu.md");
        Assert.That(Card.All.Select(static c => $"`{c.Name}`").Where(name => !text.Contains(name)), Is.Empty);
    }

    [TestCase("card=rtx4900", "card is one of a100, a100-80gb, ")]
    [TestCase("card=rtx4900", "h200. Did you mean ")]
    [TestCase("card", "'card' is not understood")]
    [TestCase("memoy=64M", "there is no 'memoy'. Did you mean 'memory'? It knows card, memory, capability,")]
    [TestCase("lost-code=1", "lost-code is a code after which nothing works")]
    [TestCase("execute=maybe", "execute is yes, or no")]
    [TestCase("zebra", "there is no 'zebra'. It knows")]
    [TestCase("memory", "'memory' is not understood; memory is bytes, with K, M or G: 64M")]
    [TestCase("memory=lots", "'memory=lots' is not understood")]
    [TestCase("memory=0", "not understood")]
    [TestCase("memory=-1", "not understood")]
    [TestCase("memory=M", "not understood")]
    [TestCase("memory=9999999999G", "not understood")]
    [TestCase("capability=8.0.1", "capability is a compute capability: 7.5 or 75")]
    [TestCase("capability=8.10", "not understood")]
    [TestCase("driver=new", "driver is a CUDA version: 11.4 or 11040")]
    [TestCase("cudnn=old", "cudnn is 'none' or a version: 11 or 8.9.7")]
    [TestCase("cublas=-1", "not understood")]
    [TestCase("workers=0", "workers is a positive number")]
    [TestCase("lost-after=soon", "lost-after is a number of operations")]
    [TestCase("shuffle=", "not understood")]
    [TestCase("refuse=cuInit", "refuse is a call and what it returns")]
    [TestCase("refuse=cuInit:x", "not understood")]
    [TestCase("refuse=cuInit:1@0", "not understood")]
    [TestCase("refuse=cuInit@1:1", "not understood")]
    [TestCase("refuse=:1", "not understood")]
    public void WhatIsWrongIsExplained(string text, string words)
    {
        OptionException error = Assert.Throws<OptionException>(() => SoftwareGpuOptions.Parse("multiprocessors=4," + text))!;
        Assert.That(error.Message, Does.StartWith("PERTURBED_FORGETTING_SIM: ").And.Contain(words));
        Assert.That(error.Problems, Has.Count.EqualTo(1));
    }

    [Test]
    public void AllMistakesAreNamedAtOnce() =>
        Assert.That(() => SoftwareGpuOptions.Parse("memory=x,a=1"),
            Throws.TypeOf<OptionException>().With.Property(nameof(OptionException.Problems)).Count.EqualTo(2));
}
