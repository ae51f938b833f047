using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Dnn;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Tests.Cuda.Driver;

namespace PerturbedForgetting.Tests.Cuda.Dnn;

/// <summary>What the software GPU's cuDNN refuses, as the real one does: each time all is right but one thing.</summary>
sealed unsafe class CudnnStrictnessTests
{
    const CudnnTensorFormat Nhwc = CudnnTensorFormat.Nhwc;
    const CudnnDataType Float = CudnnDataType.Float;
    const CudnnConvolutionMode Cross = CudnnConvolutionMode.CrossCorrelation;

    SmallGpu gpu = null!;
    CudnnApi api = null!;
    nint handle, x, w, y, convolution;
    DeviceBuffer<float> onX = null!, onW = null!, onY = null!;
    DeviceBuffer<byte> workspace = null!;

    ref readonly CudnnTable Dnn => ref api.Call;

    // x [2, 6, 5, 4], w [8, 3, 3, 2] in 2 groups, padding 1: y [2, 6, 5, 8].
    [SetUp]
    public void Open()
    {
        gpu = new SmallGpu(new SimulatedDeviceOptions { Workers = 1 });
        api = gpu.Driver.Cudnn;
        (onX, onW, onY) = (gpu.Context.Allocate<float>(new float[240]), gpu.Context.Allocate<float>(new float[144]),
            gpu.Context.Allocate<float>(new float[480]));
        workspace = gpu.Context.Allocate<byte>(4096);
        nint made;
        api.Check(Dnn.Create(&made));
        handle = made;
        (x, w, y, convolution) = (Tensor(2, 4, 6, 5), Filter(8, 2, 3, 3), Tensor(2, 8, 6, 5), Convolution());
    }

    [TearDown]
    public void Close() => gpu.Dispose();

    [TestCase(0), TestCase(1), TestCase(2)]
    public void WhatIsRightIsDone(int direction)
    {
        Assert.That(Run(direction), Is.EqualTo(CudnnStatus.Success));
        gpu.Context.Synchronize();
        Assert.That(gpu.Driver.Counters.Values.Single().Launches, Is.EqualTo(1));
    }

    [TestCase("x of float16", CudnnStatus.NotSupportedDataType)]
    [TestCase("filters of float64", CudnnStatus.NotSupportedDataType)]
    [TestCase("sums of float16", CudnnStatus.NotSupportedDataType)]
    [TestCase("x in NCHW order", CudnnStatus.NotSupportedLayout)]
    [TestCase("filters in NCHW order", CudnnStatus.NotSupportedLayout)]
    [TestCase("y in NCHW order", CudnnStatus.NotSupportedLayout)]
    [TestCase("mirrored filters", CudnnStatus.NotSupported)]
    [TestCase("a wrong height", CudnnStatus.BadParamShapeMismatch)]
    [TestCase("a wrong width", CudnnStatus.BadParamShapeMismatch)]
    [TestCase("another batch", CudnnStatus.BadParamShapeMismatch)]
    [TestCase("too many outputs", CudnnStatus.BadParamShapeMismatch)]
    [TestCase("filters of all channels", CudnnStatus.BadParamShapeMismatch)]
    [TestCase("groups that do not divide the channels", CudnnStatus.BadParamShapeMismatch)]
    [TestCase("groups that do not divide the filters", CudnnStatus.BadParamShapeMismatch)]
    [TestCase("a descriptor that was never set", CudnnStatus.BadParam)]
    [TestCase("a descriptor that was destroyed", CudnnStatus.BadParam)]
    [TestCase("a filter for a tensor", CudnnStatus.BadParam)]
    [TestCase("no descriptor", CudnnStatus.BadParamNullPointer)]
    [TestCase("no convolution descriptor", CudnnStatus.BadParamNullPointer)]
    [TestCase("a destroyed handle", CudnnStatus.NotInitialized)]
    [TestCase("no handle", CudnnStatus.NotInitialized)]
    public void WrongDescriptorsAreRefusedByEveryCall(string what, CudnnStatus expected)
    {
        nint nothing;
        switch (what)
        {
            case "x of float16": Set(x, Nhwc, CudnnDataType.Half, 2, 4, 6, 5); break;
            case "filters of float64": Check(Dnn.SetFilter4dDescriptor(w, CudnnDataType.Double, Nhwc, 8, 2, 3, 3)); break;
            case "sums of float16": Geometry(Cross, CudnnDataType.Half); break;
            case "x in NCHW order": Set(x, CudnnTensorFormat.Nchw, Float, 2, 4, 6, 5); break;
            case "filters in NCHW order": Check(Dnn.SetFilter4dDescriptor(w, Float, CudnnTensorFormat.Nchw, 8, 2, 3, 3)); break;
            case "y in NCHW order": Set(y, CudnnTensorFormat.Nchw, Float, 2, 8, 6, 5); break;
            case "mirrored filters": Geometry(CudnnConvolutionMode.Convolution, Float); break;
            case "a wrong height": Set(y, Nhwc, Float, 2, 8, 5, 5); break;
            case "a wrong width": Set(y, Nhwc, Float, 2, 8, 6, 6); break;
            case "another batch": Set(y, Nhwc, Float, 1, 8, 6, 5); break;
            case "too many outputs": Set(y, Nhwc, Float, 2, 9, 6, 5); break;
            case "filters of all channels": w = Filter(8, 4, 3, 3); break;
            case "groups that do not divide the channels": Check(Dnn.SetConvolutionGroupCount(convolution, 3)); break;
            case "groups that do not divide the filters": (w, y) = (Filter(9, 2, 3, 3), Tensor(2, 9, 6, 5)); break;
            case "a descriptor that was never set": Check(Dnn.CreateTensorDescriptor(&nothing)); x = nothing; break;
            case "a descriptor that was destroyed": Check(Dnn.DestroyTensorDescriptor(y)); break;
            case "a filter for a tensor": x = w; break;
            case "no descriptor": w = 0; break;
            case "no convolution descriptor": convolution = 0; break;
            case "a destroyed handle": Check(Dnn.Destroy(handle)); break;
            default: handle = 0; break;
        }
        for (int direction = 0; direction < 3; direction++)
        {
            Assert.That(Run(direction), Is.EqualTo(expected), $"convolution {direction}");
            Assert.That(Heuristics(direction), Is.EqualTo(expected), $"heuristics {direction}");
            Assert.That(WorkspaceSize(direction, 1), Is.EqualTo(expected), $"workspace {direction}");
        }
        gpu.Context.Synchronize();
        Assert.That(gpu.Driver.Counters, Is.Empty, "what is refused does not run");
    }

    [TestCase("no x", CudnnStatus.BadParamNullPointer)]
    [TestCase("no filters", CudnnStatus.BadParamNullPointer)]
    [TestCase("no y", CudnnStatus.BadParamNullPointer)]
    [TestCase("no workspace", CudnnStatus.BadParamNullPointer)]
    [TestCase("no alpha", CudnnStatus.BadParamNullPointer)]
    [TestCase("no beta", CudnnStatus.BadParamNullPointer)]
    [TestCase("misaligned x", CudnnStatus.BadParamMisalignedPointer)]
    [TestCase("misaligned filters", CudnnStatus.BadParamMisalignedPointer)]
    [TestCase("misaligned y", CudnnStatus.BadParamMisalignedPointer)]
    [TestCase("misaligned workspace", CudnnStatus.BadParamMisalignedPointer)]
    [TestCase("a workspace that is too small", CudnnStatus.BadParamSizeInsufficient)]
    [TestCase("an algorithm that cannot do NHWC", CudnnStatus.NotSupportedLayout)]
    [TestCase("no such algorithm", CudnnStatus.BadParam)]
    public void WrongArgumentsAreRefused(string what, CudnnStatus expected)
    {
        for (int direction = 0; direction < 3; direction++)
        {
            nuint needed = NeededBytes(direction);
            CudnnStatus status = what switch
            {
                "no x" => Run(direction, xAddress: 0),
                "no filters" => Run(direction, wAddress: 0),
                "no y" => Run(direction, yAddress: 0),
                "no workspace" => Run(direction, workspaceAddress: 0),
                "no alpha" => Run(direction, hasAlpha: false),
                "no beta" => Run(direction, hasBeta: false),
                "misaligned x" => Run(direction, xAddress: onX.Pointer.Address + 4),
                "misaligned filters" => Run(direction, wAddress: onW.Pointer.Address + 8),
                "misaligned y" => Run(direction, yAddress: onY.Pointer.Address + 4),
                "misaligned workspace" => Run(direction, workspaceAddress: workspace.Pointer.Address + 1),
                "a workspace that is too small" => Run(direction, bytes: needed - 1),
                "an algorithm that cannot do NHWC" => Run(direction, algorithm: 2),
                _ => Run(direction, algorithm: 8),
            };
            Assert.That(status, Is.EqualTo(expected), $"direction {direction}");
        }
        Assert.That(Run(0, bytes: NeededBytes(0)), Is.EqualTo(CudnnStatus.Success), "no more is needed than was said");
    }

    [Test]
    public void DescriptorsTakeNothingWrong()
    {
        Assert.Multiple(() =>
        {
            Assert.That(Dnn.SetTensor4dDescriptor(x, Nhwc, Float, 0, 4, 6, 5), Is.EqualTo(CudnnStatus.BadParam));
            Assert.That(Dnn.SetTensor4dDescriptor(x, (CudnnTensorFormat)7, Float, 2, 4, 6, 5), Is.EqualTo(CudnnStatus.BadParam));
            Assert.That(Dnn.SetTensor4dDescriptor(x, Nhwc, (CudnnDataType)77, 2, 4, 6, 5), Is.EqualTo(CudnnStatus.BadParam));
            Assert.That(Dnn.SetTensor4dDescriptor(x, Nhwc, Float, 1 << 15, 1 << 10, 1 << 10, 1), Is.EqualTo(CudnnStatus.NotSupported));
            Assert.That(Dnn.SetTensor4dDescriptor(w, Nhwc, Float, 2, 4, 6, 5), Is.EqualTo(CudnnStatus.BadParam), "a filter is no tensor");
            Assert.That(Dnn.SetTensor4dDescriptor(0, Nhwc, Float, 2, 4, 6, 5), Is.EqualTo(CudnnStatus.BadParamNullPointer));
            Assert.That(Dnn.SetFilter4dDescriptor(w, Float, Nhwc, 8, 2, 0, 3), Is.EqualTo(CudnnStatus.BadParam));
            Assert.That(Dnn.SetConvolution2dDescriptor(convolution, -1, 1, 1, 1, 1, 1, Cross, Float), Is.EqualTo(CudnnStatus.BadParam));
            Assert.That(Dnn.SetConvolution2dDescriptor(convolution, 1, 1, 1, 0, 1, 1, Cross, Float), Is.EqualTo(CudnnStatus.BadParam));
            Assert.That(Dnn.SetConvolution2dDescriptor(convolution, 1, 1, 1, 1, 0, 1, Cross, Float), Is.EqualTo(CudnnStatus.BadParam));
            Assert.That(Dnn.SetConvolutionGroupCount(convolution, 0), Is.EqualTo(CudnnStatus.BadParam));
            Assert.That(Dnn.SetConvolutionMathType(convolution, (CudnnMathType)4), Is.EqualTo(CudnnStatus.BadParam));
            Assert.That(Dnn.CreateTensorDescriptor(null), Is.EqualTo(CudnnStatus.BadParamNullPointer));
            Assert.That(Dnn.Create(null), Is.EqualTo(CudnnStatus.BadParamNullPointer));
            Assert.That(Run(0), Is.EqualTo(CudnnStatus.Success), "what was refused left no trace");
        });
    }

    [Test]
    public void TheHeuristicsReturnNoMoreThanAsked()
    {
        CudnnAlgorithmPerformance* found = stackalloc CudnnAlgorithmPerformance[9];
        int count;
        found[2].Algorithm = 99;
        Check(Dnn.GetConvolutionForwardAlgorithm(handle, x, w, convolution, y, 2, &count, found));
        Assert.That((count, found[2].Algorithm), Is.EqualTo((2, 99)));
        Check(Dnn.GetConvolutionForwardAlgorithm(handle, x, w, convolution, y, 9, &count, found));
        Assert.That(count, Is.EqualTo(8));
        Assert.That(Dnn.GetConvolutionForwardAlgorithm(handle, x, w, convolution, y, 0, &count, found), Is.EqualTo(CudnnStatus.BadParam));
        Assert.That(Dnn.GetConvolutionForwardAlgorithm(handle, x, w, convolution, y, 1, null, found),
            Is.EqualTo(CudnnStatus.BadParamNullPointer));
        Assert.That(Dnn.GetConvolutionForwardAlgorithm(handle, x, w, convolution, y, 1, &count, null),
            Is.EqualTo(CudnnStatus.BadParamNullPointer));
    }

    [Test]
    public void AStreamThatWasDestroyedIsRefused()
    {
        CudaStream stream = gpu.Context.CreateStream();
        nint gone = stream.Handle;
        Check(Dnn.SetStream(handle, gone));
        stream.Dispose();
        Assert.That(Run(0), Is.EqualTo(CudnnStatus.ExecutionFailedCudaDriver));
        Assert.That(Dnn.SetStream(handle, gone), Is.EqualTo(CudnnStatus.ExecutionFailedCudaDriver));
        Check(Dnn.SetStream(handle, 0));
        Assert.That(Run(0), Is.EqualTo(CudnnStatus.Success));
    }

    [Test]
    public void AFailureSaysWhatWasWrong()
    {
        Set(y, Nhwc, Float, 2, 8, 5, 5);
        CudaLibraryException error = Assert.Throws<CudaLibraryException>(() => api.Check(Run(0), "api.Call.ConvolutionForward(handle)"))!;
        Assert.That(error.Message,
            Does.StartWith("cuDNN 9.13.0: cudnnConvolutionForward failed: CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH (2008, y [N 2, C 8, H 5, W "
                + "5]").And.Contain("H 6 and W 5"));
        Assert.That((error.Status, error.Library), Is.EqualTo((2008, "cuDNN 9.13.0")));
    }

    void Check(CudnnStatus status) => api.Check(status);

    void Set(nint tensor, CudnnTensorFormat format, CudnnDataType type, int n, int c, int h, int v) =>
        Check(Dnn.SetTensor4dDescriptor(tensor, format, type, n, c, h, v));

    void Geometry(CudnnConvolutionMode mode, CudnnDataType sums) =>
        Check(Dnn.SetConvolution2dDescriptor(convolution, 1, 1, 1, 1, 1, 1, mode, sums));

    nint Tensor(int n, int c, int h, int v)
    {
        nint made;
        Check(Dnn.CreateTensorDescriptor(&made));
        Set(made, Nhwc, Float, n, c, h, v);
        return made;
    }

    nint Filter(int k, int c, int h, int v)
    {
        nint made;
        Check(Dnn.CreateFilterDescriptor(&made));
        Check(Dnn.SetFilter4dDescriptor(made, Float, Nhwc, k, c, h, v));
        return made;
    }

    nint Convolution()
    {
        nint made;
        Check(Dnn.CreateConvolutionDescriptor(&made));
        convolution = made;
        Geometry(Cross, Float);
        Check(Dnn.SetConvolutionGroupCount(made, 2));
        return made;
    }

    CudnnStatus Heuristics(int direction)
    {
        CudnnAlgorithmPerformance found;
        int count;
        return direction switch
        {
            0 => Dnn.GetConvolutionForwardAlgorithm(handle, x, w, convolution, y, 1, &count, &found),
            1 => Dnn.GetConvolutionBackwardDataAlgorithm(handle, w, y, convolution, x, 1, &count, &found),
            _ => Dnn.GetConvolutionBackwardFilterAlgorithm(handle, x, y, convolution, w, 1, &count, &found),
        };
    }

    CudnnStatus WorkspaceSize(int direction, int algorithm)
    {
        nuint bytes;
        return WorkspaceSize(direction, algorithm, &bytes);
    }

    CudnnStatus WorkspaceSize(int direction, int algorithm, nuint* bytes) => direction switch
    {
        0 => Dnn.GetConvolutionForwardWorkspaceSize(handle, x, w, convolution, y, algorithm, bytes),
        1 => Dnn.GetConvolutionBackwardDataWorkspaceSize(handle, w, y, convolution, x, algorithm, bytes),
        _ => Dnn.GetConvolutionBackwardFilterWorkspaceSize(handle, x, y, convolution, w, algorithm, bytes),
    };

    nuint NeededBytes(int direction)
    {
        nuint bytes;
        Check(WorkspaceSize(direction, 1, &bytes));
        return bytes;
    }

    CudnnStatus Run(int direction, int algorithm = 1, ulong? xAddress = null, ulong? wAddress = null, ulong? yAddress = null,
        ulong? workspaceAddress = null,
        nuint bytes = 4096, bool hasAlpha = true, bool hasBeta = true)
    {
        float one = 1, zero = 0;
        float* alpha = hasAlpha ? &one : null, beta = hasBeta ? &zero : null;
        ulong ax = xAddress ?? onX.Pointer.Address, aw = wAddress ?? onW.Pointer.Address, ay = yAddress ?? onY.Pointer.Address,
            work = workspaceAddress ?? workspace.Pointer.Address;
        return direction switch
        {
            0 => Dnn.ConvolutionForward(handle, alpha, x, ax, w, aw, convolution, algorithm, work, bytes, beta, y, ay),
            1 => Dnn.ConvolutionBackwardData(handle, alpha, w, aw, y, ay, convolution, algorithm, work, bytes, beta, x, ax),
            _ => Dnn.ConvolutionBackwardFilter(handle, alpha, x, ax, y, ay, convolution, algorithm, work, bytes, beta, w, aw),
        };
    }
}
