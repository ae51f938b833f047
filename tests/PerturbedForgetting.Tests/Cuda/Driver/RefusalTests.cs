using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Blas;
using PerturbedForgetting.Cuda.Dnn;
using PerturbedForgetting.Cuda.Driver;

namespace PerturbedForgetting.Tests.Cuda.Driver;

/// <summary>Calls that the software GPU is told to refuse.</summary>
sealed class RefusalTests
{
    SmallGpu gpu = null!;

    [SetUp]
    public void Open() => gpu = new SmallGpu();

    [TearDown]
    public void Close() => gpu.Dispose();

    [Test]
    public void CallsAreRefusedFromTheFirstToTheLastThatIsWanted()
    {
        gpu.Driver.Refuse(new("cuStreamCreateWithPriority", (int)CudaResult.OutOfMemory, First: 2, Count: 2));
        Assert.That(Enumerable.Range(0, 5).Select(_ => Made()), Is.EqualTo(new[] { true, false, false, true, true }));

        bool Made()
        {
            try
            {
                gpu.Context.CreateStream();
                return true;
            }
            catch (CudaException e) when (e.Result == CudaResult.OutOfMemory)
            {
                Assert.That(e.Message, Does.Contain("told to refuse cuStreamCreateWithPriority"));
                return false;
            }
        }
    }

    [Test]
    public void ACallThatSucceedsWithoutDoingAnything()
    {
        using DeviceBuffer<uint> x = gpu.Context.Allocate<uint>(new uint[32]);
        gpu.Driver.Refuse(new("cuLaunchKernel", 0, First: 1, Count: 1));
        gpu.Set(gpu.Context.DefaultStream, x, 5);
        Assert.That(x.ToArray(), Is.All.EqualTo(0));
        gpu.Set(gpu.Context.DefaultStream, x, 5);
        Assert.That(x.ToArray(), Is.All.EqualTo(5));
    }

    [Test]
    public void ACaptureEndsAlsoWhenItsEndIsRefused()
    {
        using CudaStream stream = gpu.Context.CreateStream();
        gpu.Driver.Refuse(new("cuStreamEndCapture", (int)CudaResult.StreamCaptureInvalidated));
        stream.BeginCapture();
        Assert.That(stream.EndCapture, Throws.TypeOf<CudaException>());
        Assert.That(stream.Synchronize, Throws.Nothing);
    }

    [Test]
    public void ARefusalBecauseOfTheCaptureSpoilsIt()
    {
        using CudaStream stream = gpu.Context.CreateStream();
        using DeviceBuffer<uint> x = gpu.Context.Allocate<uint>(new uint[32]);
        gpu.Driver.Refuse(new("cuLaunchKernel", (int)CudaResult.StreamCaptureUnsupported, First: 1, Count: 1));
        stream.BeginCapture();
        Assert.That(() => gpu.Set(stream, x, 5), Throws.TypeOf<CudaException>());
        Assert.That(stream.EndCapture, Throws.TypeOf<CudaException>().With.Property(nameof(CudaException.Result))
            .EqualTo(CudaResult.StreamCaptureInvalidated));
    }

    [Test]
    public void LibrariesRefuseWithTheirOwnStatuses()
    {
        gpu.Driver.Refuse(new("cublasCreate", 1));
        gpu.Driver.Refuse(new("cublasLtCreate", 8));
        gpu.Driver.Refuse(new("cudnnCreate", 1008));
        Assert.That(() => new Cublas(gpu.Context, gpu.Driver.Cublas),
            Throws.TypeOf<CudaLibraryException>().With.Message.Contains("CUBLAS_STATUS_NOT_INITIALIZED (1)"));
        Assert.That(() => new CublasLt(gpu.Context, gpu.Driver.CublasLt),
            Throws.TypeOf<CudaLibraryException>().With.Message.Contains("CUBLAS_STATUS_ARCH_MISMATCH (8)"));
        Assert.That(() => new Cudnn(gpu.Context, gpu.Driver.Cudnn),
            Throws.TypeOf<CudaLibraryException>().With.Message.Contains("CUDNN_STATUS_SUBLIBRARY_LOADING_FAILED (1008"));
    }
}
