using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Dnn;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Tests.Cuda.Driver;

namespace PerturbedForgetting.Tests.Cuda.Dnn;

/// <summary>The table itself: layouts of the interface; libraries that are absent, incomplete or of another version.</summary>
sealed unsafe class CudnnTableTests
{
    [Test]
    public void LayoutsAreThoseOfTheHeaders()
    {
        Assert.Multiple(() =>
        {
            Assert.That(sizeof(CudnnAlgorithmPerformance), Is.EqualTo(48));
            foreach ((string field, int offset) in new[] { ("Algorithm", 0), ("Status", 4), ("Time", 8), ("Memory", 16),
                ("Determinism", 24), ("MathType", 28) })
                Assert.That((int)Marshal.OffsetOf<CudnnAlgorithmPerformance>(field), Is.EqualTo(offset), field);
            foreach (Type type in new[] { typeof(CudnnStatus), typeof(CudnnDataType), typeof(CudnnTensorFormat), typeof(CudnnMathType),
                typeof(CudnnConvolutionMode), typeof(CudnnDeterminism) })
                Assert.That(Marshal.SizeOf(Enum.GetUnderlyingType(type)), Is.EqualTo(4), type.Name);
        });
    }

    [TestCase(CudnnStatus.Success, "CUDNN_STATUS_SUCCESS")]
    [TestCase(CudnnStatus.BadParamSizeInsufficient, "CUDNN_STATUS_BAD_PARAM_SIZE_INSUFFICIENT")]
    [TestCase(CudnnStatus.NotSupportedCudaGraphNativeApi, "CUDNN_STATUS_NOT_SUPPORTED_CUDA_GRAPH_NATIVE_API")]
    [TestCase(CudnnStatus.RuntimeFpOverflow, "CUDNN_STATUS_RUNTIME_FP_OVERFLOW")]
    [TestCase((CudnnStatus)4711, "CUDNN_STATUS_UNKNOWN")]
    public void StatusesAreNamedAsInTheHeader(CudnnStatus status, string name)
    {
        Assert.That(CudnnErrors.NameOf(status), Is.EqualTo(name));
        using var gpu = new SmallGpu();
        if (Enum.IsDefined(status))
            Assert.That(Marshal.PtrToStringUTF8((nint)gpu.Driver.Cudnn.Call.GetErrorString(status)), Is.EqualTo(name));
    }

    [Test]
    public void NoEntryIsNull([Values("absent", "bare", "simulated")] string source)
    {
        using var gpu = new SmallGpu();
        CudnnApi api = source switch
        {
            "absent" => CudnnApi.From(_ => 0, "libnothing.so"),
            "bare" => Bare(gpu),
            _ => gpu.Driver.Cudnn,
        };
        TableEntries.AreAllThere(in api.Call);
        Assert.That(api.IsSupported, Is.EqualTo(source != "absent"));
    }

    [Test]
    public void AnAbsentLibraryAnswersAndSaysWhy()
    {
        using var gpu = new SmallGpu();
        CudnnApi api = CudnnApi.From(_ => 0, "libnothing.so");
        nint handle;
        Assert.That(api.Call.Create(&handle), Is.EqualTo(CudnnStatus.NotInitialized));
        Assert.That(api.Version, Is.Null);
        Assert.That(api.WhyUnusable(gpu.Device), Is.EqualTo("there is no cuDNN: libnothing.so is no cuDNN"));
        CudaLibraryException error = Assert.Throws<CudaLibraryException>(() => new Cudnn(gpu.Context, api))!;
        Assert.That(error.Message, Does.Contain("libnothing.so is no cuDNN").And.Contain("nvidia-cudnn-cu12")
            .And.Contain("PERTURBED_FORGETTING_CUDNN").And.Contain("own kernels"));
        Assert.That(() => api.Check(CudnnStatus.NotInitialized, "api.Call.Create(&handle)"), Throws.TypeOf<CudaLibraryException>()
            .With.Message.StartsWith("cuDNN: cudnnCreate failed: CUDNN_STATUS_NOT_INITIALIZED (1001, libnothing.so is no cuDNN)."));
    }

    [Test]
    public void ALibraryWithoutAnEntryIsNamed()
    {
        using var gpu = new SmallGpu();
        CudnnApi api = Bare(gpu);
        nint handle;
        Assert.That(api.Call.Create(&handle), Is.EqualTo(CudnnStatus.NotSupportedSublibraryUnavailable));
        Assert.That(api.Call.GetErrorString(CudnnStatus.Success) is null, "what returns a text returns none");
        Assert.That(api.MissingExports, Does.Contain("cudnnConvolutionForward").And.Contain("cudnnGetConvolutionBackwardFilterAlgorithm_v7")
            .And.Not.Contain("cudnnGetVersion"));
        Assert.That(api.WhyUnusable(gpu.Device), Does.Contain("9.13.0").And.Contain("libbare.so").And.Contain("lacks cudnnGetErrorString"));
        Assert.That(() => api.Check(CudnnStatus.NotSupportedSublibraryUnavailable, "api.Call.Create(&handle)"),
            Throws.TypeOf<CudaLibraryException>().With.Message.Contains("CUDNN_STATUS_NOT_SUPPORTED_SUBLIBRARY_UNAVAILABLE (3009)")
            .And.Message.Contains("of one version"));
    }

    [TestCase("9.0.0", 12080, null)]
    [TestCase("9.21.1", 12000, null)]
    [TestCase("9.13.0", 11080, null)]
    [TestCase("8.9.7", 12080, "cuDNN (software GPU) is of version 8.9.7; 9 is needed")]
    [TestCase("10.1.2", 12080, "cuDNN (software GPU) is of version 10.1.2; 9 is needed")]
    [TestCase("9.13.0", 13000, "cuDNN 9.13.0 (software GPU) is made for CUDA 13, and the driver for CUDA 12")]
    [TestCase(null, 12080, "there is no cuDNN: this software GPU has none")]
    public void OnlyVersion9ForTheDriversCudaIsUsed(string? version, int cuda, string? reason)
    {
        using var gpu = new SmallGpu(new SimulatedDeviceOptions
        {
            Workers = 1,
            CudnnVersion = version is null
            ? null
            : Version.Parse(version),
            CudnnCudaVersion = cuda
        });
        Assert.That(gpu.Driver.Cudnn.Version?.ToString(), Is.EqualTo(version));
        Assert.That(gpu.Driver.Cudnn.WhyUnusable(gpu.Device), Is.EqualTo(reason));
        if (reason is null)
            new Cudnn(gpu.Context, gpu.Driver.Cudnn).Dispose();
        else
            Assert.That(() => new Cudnn(gpu.Context, gpu.Driver.Cudnn),
                Throws.TypeOf<CudaLibraryException>().With.Message.Contains(reason));
    }

    [Test]
    public void TheLastErrorIsCutToItsPlace()
    {
        using var gpu = new SmallGpu();
        CudnnApi api = gpu.Driver.Cudnn;
        Assert.That(api.Call.DestroyTensorDescriptor(7), Is.EqualTo(CudnnStatus.BadParam));
        byte* text = stackalloc byte[16];
        new Span<byte>(text, 16).Fill(0xFF);
        api.Call.GetLastErrorString(text, 5);
        Assert.That(Marshal.PtrToStringUTF8((nint)text), Is.EqualTo("0x7 "));
        Assert.That(new ReadOnlySpan<byte>(text + 5, 11).ToArray(), Is.All.EqualTo(0xFF));
        Unsafe.InitBlock(text, 0xFF, 16);
        api.Call.GetLastErrorString(text, 0);
        Assert.That(*text, Is.EqualTo(0xFF));
    }

    static CudnnApi Bare(SmallGpu gpu) => CudnnApi.From(name => name switch
    {
        "cudnnGetVersion" => (nint)gpu.Driver.Cudnn.Call.GetVersion,
        "cudnnGetCudartVersion" => (nint)gpu.Driver.Cudnn.Call.GetCudartVersion,
        _ => 0,
    }, "libbare.so");
}
