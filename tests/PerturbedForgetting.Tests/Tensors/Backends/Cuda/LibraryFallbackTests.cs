using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Libraries;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends;
using PerturbedForgetting.Tensors.Backends.Cuda;
using PerturbedForgetting.Tests.Cuda;

namespace PerturbedForgetting.Tests.Tensors.Backends.Cuda;

/// <summary>Libraries that are there and fail: when they start, and at a convolution.</summary>
[TestFixture]
sealed class LibraryFallbackTests
{
    static readonly DeviceOptions exact = new() { AllowTf32 = false };
    static readonly Shape imageShape = [2, 6, 5, 4], filterShape = [8, 3, 3, 4], outputShape = [2, 6, 5, 8];
    static readonly Conv2dGeometry geometry = new((1, 1), (1, 1), (1, 1), 1);

    SimulatedDriver driver = null!;

    [SetUp]
    public void Make() => driver = new SimulatedDriver();

    [TearDown]
    public void NothingIsWrong()
    {
        Assert.That(driver.Fault, Is.Null);
        driver.Dispose();
    }

    [TestCase("cublasCreate", 1, CudaLibrary.Cublas)]
    [TestCase("cublasCreate", 8, CudaLibrary.Cublas)]
    [TestCase("cublasSetAtomicsMode", 15, CudaLibrary.Cublas)]
    [TestCase("cublasSetStream", 1, CudaLibrary.Cublas)]
    [TestCase("cublasSetWorkspace", 14, CudaLibrary.Cublas)]
    [TestCase("cublasLtCreate", 1, CudaLibrary.CublasLt)]
    [TestCase("cudnnCreate", 1001, CudaLibrary.Cudnn)]
    [TestCase("cudnnSetStream", 3007, CudaLibrary.Cudnn)]
    public void WhatDoesNotStartIsLeftOutUnlessItIsNamed(string call, int status, CudaLibrary library)
    {
        driver = new SimulatedDriver(new SimulatedDeviceOptions { Refusals = [new(call, status)] });
        using (Device device = Open())
        {
            Assert.That(device.Notes, Has.Count.EqualTo(1));
            Assert.That(device.Notes[0], Does.StartWith($"Without {LibraryNames.Title(library)} ").And.Contain("software GPU cannot start")
                .And.Contain($"{call} failed").And.Contain("pip install").And.EndsWith($"{LibraryNames.Variable(library)}=none hides it."));
            Assert.That(((CudaBackend)device.Backend).Uses(library), Is.False);
            using Tensor x = Numbers([5, 7], device), w = Numbers([3, 7], device), b = Numbers([3], device);
            using Tensor onX = Numbers([5, 7], Device.Cpu), onW = Numbers([3, 7], Device.Cpu), onB = Numbers([3], Device.Cpu);
            IsClose(Ops.Linear(x, w, b), Ops.Linear(onX, onW, onB));
        }
        CudaLibraries named = driver.Libraries with
        {
            Search = static searched => new(searched, LibraryState.Found, 0, "", IsNamed: searched != CudaLibrary.Nvtx, []),
        };
        CudaLibraryException error = Assert.Throws<CudaLibraryException>(() =>
            Device.OpenCuda(CudaDevice.All(driver.Api)[0], named, "sim", exact))!;
        Assert.That(error.Message, Does.StartWith($"{LibraryNames.Title(library)} cannot be used").And.Contain($"{call} failed")
            .And.Contain($"With {LibraryNames.Variable(library)}=none"));
    }

    /// <summary>The first algorithm fails, the second does it: with another workspace, and the same numbers.</summary>
    [TestCase("Forward", 3000), TestCase("Forward", 4003), TestCase("Forward", 5000)]
    [TestCase("BackwardData", 3010), TestCase("BackwardData", 5001)]
    [TestCase("BackwardFilter", 3000), TestCase("BackwardFilter", 4000)]
    public void TheNextAlgorithmIsTried(string direction, int status)
    {
        using Device device = Open();
        driver.Refuse(new("cudnnConvolution" + direction, status, First: 1, Count: 1));
        EqualsCpu(device, repeats: 2);
        Assert.That(Launches("cudnn convolution"), Is.EqualTo(2 * 3));
        Assert.That(Launches("im2col"), Is.Zero);
        Assert.That(device.Notes, Has.One.Contain("its next one takes over").And.One.Contain("cudnnConvolution" + direction));
    }

    [TestCase("Forward", "im2col"), TestCase("BackwardData", "im2col_backward"), TestCase("BackwardFilter", "im2col")]
    public void OnlyTheDirectionThatHasNoneIsUnfolded(string direction, string kernel)
    {
        using Device device = Open();
        driver.Refuse(new("cudnnConvolution" + direction, 3000));
        EqualsCpu(device, repeats: 2);
        Assert.That(Launches("cudnn convolution"), Is.EqualTo(2 * 2), "the other two directions");
        Assert.That(driver.Counters.Where(static c => c.Key.StartsWith("im2col", StringComparison.Ordinal))
            .Select(static c => (c.Key, c.Value.Launches)), Is.EqualTo(new[] { (kernel, 2L) }));
        Assert.That(device.Notes, Has.Count.EqualTo(1), "the first failure says it all");
    }

    [Test]
    public void AWorkspaceThatCannotBeHadIsAFailureToo()
    {
        using Device device = Open();
        using Tensor x = Numbers(imageShape, device), w = Numbers(filterShape, device), y = Tensor.Persistent(outputShape, device: device);
        device.Synchronize();
        device.Trim();
        driver.Refuse(new("cuMemAlloc", 2));
        device.Backend.Conv2d(x, w, null, geometry, y);
        using Tensor onX = Numbers(imageShape, Device.Cpu), onW = Numbers(filterShape, Device.Cpu);
        IsClose(y, Ops.Conv2d(onX, onW, null, (1, 1), (1, 1)));
        Assert.That(Launches("cudnn convolution"), Is.EqualTo(1));
        Assert.That(device.Notes, Has.One.Contain("No memory for a tensor"));
    }

    [Test]
    public void AFaultOfTheCallerIsNone()
    {
        using Device device = Open();
        using Tensor x = Numbers(imageShape, device), w = Numbers(filterShape, device);
        driver.Refuse(new("cudnnConvolutionForward", 2000));
        Assert.That(() => Ops.Conv2d(x, w, null, (1, 1), (1, 1)), Throws.TypeOf<CudaLibraryException>());
    }

    long Launches(string beginning) => driver.Counters.Where(c => c.Key.StartsWith(beginning, StringComparison.Ordinal))
        .Sum(static c => c.Value.Launches);

    /// <summary>All three directions, the gradients added to what is there, several times.</summary>
    static void EqualsCpu(Device device, int repeats)
    {
        float[][] expected = Run(Device.Cpu), actual = Run(device);
        for (int i = 0; i < expected.Length; i++)
            KernelFixture.AssertClose(actual[i], expected[i], relative: 1e-5, absolute: 1e-5);

        float[][] Run(Device on)
        {
            using Tensor x = Numbers(imageShape, on), w = Numbers(filterShape, on), dy = Numbers(outputShape, on);
            using Tensor y = Tensor.Persistent(outputShape, device: on), dx = Numbers(imageShape, on), dw = Numbers(filterShape, on);
            for (int i = 0; i < repeats; i++)
            {
                on.Backend.Conv2d(x, w, null, geometry, y);
                on.Backend.Conv2dBackwardInput(dy, w, geometry, dx, accumulate: true);
                on.Backend.Conv2dBackwardWeight(x, dy, geometry, dw, accumulate: true);
            }
            return [y.ToArray<float>(), dx.ToArray<float>(), dw.ToArray<float>()];
        }
    }

    Device Open() => Device.OpenCuda(CudaDevice.All(driver.Api)[0], driver.Libraries, "sim", exact);

    static void IsClose(Tensor actual, Tensor expected) =>
        KernelFixture.AssertClose(actual.ToArray<float>(), expected.ToArray<float>(), relative: 1e-5, absolute: 1e-5);

    static Tensor Numbers(Shape shape, Device device)
    {
        var random = new Random(shape.Rank);
        return Tensor.Persistent(shape, device: device)
            .CopyFrom<float>([.. Enumerable.Range(0, (int)shape.Count).Select(_ => (2 * random.NextSingle()) - 1)]);
    }
}
