using PerturbedForgetting.Cuda;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends;
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
    public void AModuleIsCompiledWhenOneOfItsKernelsIsAskedFor()
    {
        using var driver = new SimulatedDriver();
        using Device opened = Device.OpenCuda(CudaDevice.All(driver.Api)[0], driver.Libraries, "sim");
        KernelLibrary library = ((CudaBackend)opened.Backend).Workplace.Kernels;
        Assert.That(library.KernelsOf("relu"), Does.Contain("relu"));
        Assert.That(() => library.Get("relu_sideways"), Throws.ArgumentException);
        Assert.That(driver.Modules, Is.Empty, "neither opening the device nor looking for a kernel compiles anything");
        Assert.That(Enumerable.Range(0, 16).AsParallel().Select(_ => library.Get("relu")).Distinct().Count(), Is.EqualTo(1));
        Assert.That(driver.Modules, Is.EqualTo(new[] { "relu" }));
    }

    [Test]
    public void NoModuleIsCompiledInACapture()
    {
        using var driver = new SimulatedDriver();
        using Device opened = Device.OpenCuda(CudaDevice.All(driver.Api)[0], driver.Libraries, "sim");
        using Tensor x = Tensor.Zeros([4], DType.Float32, opened), y = Tensor.Zeros([4], DType.Float32, opened);
        Assert.That(() => opened.Capture(() => opened.Backend.Fill(x, 1)), Throws.Nothing);
        Assert.That(() => opened.Capture(() => opened.Backend.Map(Unary.Relu, x, y)),
            Throws.TypeOf<CudaException>().With.Message.Contains("loading a module while stream 1 is being captured"));
        // Once loaded, it is there for captures too.
        opened.Backend.Map(Unary.Relu, x, y);
        Assert.That(() => opened.Capture(() => opened.Backend.Map(Unary.Relu, x, y)), Throws.Nothing);
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
