using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors.Backends.Cuda;

namespace PerturbedForgetting.Tests.Cuda;

[TestFixtureSource(typeof(KernelDevices))]
sealed class KernelLibraryTests(string device) : KernelFixture(device)
{
    [TestCase(1), TestCase(31), TestCase(1025)]
    public void KernelIsFoundByNameAndRuns(int count)
    {
        float[] x = Normal(count);
        DeviceBuffer<float> y = Poisoned<float>(count);
        Library.Get("relu").Launch(Stream, LaunchGrid.Blocks(count, 4 * 256), 256, 0, y, Upload<float>(x), (long)count);
        AssertClose(Download(y), [.. x.Select(v => Math.Max(v, 0))], relative: 0);
        AssertTraffic("relu", loaded: 4L * count, stored: 4L * count, isCoalesced: count % 32 == 0);
    }

    [Test]
    public void EveryEmbeddedKernelLoads()
    {
        Assert.That(KernelFiles.Used.Names, Is.Not.Empty);
        foreach (string name in KernelFiles.Used.Names.SelectMany(Library.KernelsOf))
            Assert.That(Library.Get(name).Registers, Is.Positive, name);
    }

    [Test]
    public void UnknownNameIsExplained()
    {
        ArgumentException error = Assert.Throws<ArgumentException>(() => Library.Get("reluu"))!;
        Assert.That(error.Message, Does.Contain("no kernel 'reluu'").And.Contain("Did you mean 'relu'"));
        Assert.That(() => Library.Get("relu_sideways"), Throws.ArgumentException);
    }

    [Test]
    public void WrongArgumentsAreRefusedBeforeTheLaunch()
    {
        CudaKernel relu = Library.Get("relu");
        DeviceBuffer<float> x = Upload(1f);
        Assert.That(() => relu.Launch(Stream, 1, 256, 0, x, x), Throws.ArgumentException.With.Message.Contains("takes 3 arguments, but 2"));
        Assert.That(() => relu.Launch(Stream, 1, 256, 0, x, x, 1),
            Throws.ArgumentException.With.Message.Contains("Argument 3 of kernel relu"));
        Assert.That(() => relu.Launch(Stream, 1, 512, 0, x, x, 1L), Throws.TypeOf<CudaException>().With.Message.Contains("relu"));
    }
}
