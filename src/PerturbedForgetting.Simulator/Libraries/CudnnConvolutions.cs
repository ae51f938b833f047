using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda.Dnn;
using PerturbedForgetting.Simulator.Driver;

namespace PerturbedForgetting.Simulator.Libraries;

/// <summary>cuDNN's entry points for convolutions. The three directions name the same three arrays in different orders.</summary>
static unsafe class CudnnConvolutions
{
    /// <summary>What real kernels load at once.</summary>
    const int Alignment = 16;

    [UnmanagedCallersOnly]
    public static CudnnStatus GetConvolutionForwardAlgorithm(nint handle, nint x, nint w, nint convolution, nint y, int requested,
        int* returned, CudnnAlgorithmPerformance* results) =>
        Heuristics(ConvolutionDirection.Forward, handle, x, w, convolution, y, requested, returned, results);

    [UnmanagedCallersOnly]
    public static CudnnStatus GetConvolutionBackwardDataAlgorithm(nint handle, nint w, nint dy, nint convolution, nint dx, int requested,
        int* returned, CudnnAlgorithmPerformance* results) =>
        Heuristics(ConvolutionDirection.BackwardData, handle, w, dy, convolution, dx, requested, returned, results);

    [UnmanagedCallersOnly]
    public static CudnnStatus GetConvolutionBackwardFilterAlgorithm(nint handle, nint x, nint dy, nint convolution, nint dw, int requested,
        int* returned, CudnnAlgorithmPerformance* results) =>
        Heuristics(ConvolutionDirection.BackwardFilter, handle, x, dy, convolution, dw, requested, returned, results);

    [UnmanagedCallersOnly]
    public static CudnnStatus GetConvolutionForwardWorkspaceSize(nint handle, nint x, nint w, nint convolution, nint y, int algorithm,
        nuint* bytes) =>
        WorkspaceSize(ConvolutionDirection.Forward, handle, x, w, convolution, y, algorithm, bytes);

    [UnmanagedCallersOnly]
    public static CudnnStatus GetConvolutionBackwardDataWorkspaceSize(nint handle, nint w, nint dy, nint convolution, nint dx,
        int algorithm, nuint* bytes) =>
        WorkspaceSize(ConvolutionDirection.BackwardData, handle, w, dy, convolution, dx, algorithm, bytes);

    [UnmanagedCallersOnly]
    public static CudnnStatus GetConvolutionBackwardFilterWorkspaceSize(nint handle, nint x, nint dy, nint convolution, nint dw,
        int algorithm, nuint* bytes) =>
        WorkspaceSize(ConvolutionDirection.BackwardFilter, handle, x, dy, convolution, dw, algorithm, bytes);

    [UnmanagedCallersOnly]
    public static CudnnStatus ConvolutionForward(nint handle, float* alpha, nint xDescriptor, ulong x, nint wDescriptor, ulong w,
        nint convolution, int algorithm,
        ulong workspace, nuint bytes, float* beta, nint yDescriptor, ulong y) =>
        Convolve(ConvolutionDirection.Forward, handle, alpha, xDescriptor, x, wDescriptor, w, convolution, algorithm, workspace, bytes,
            beta, yDescriptor, y);

    [UnmanagedCallersOnly]
    public static CudnnStatus ConvolutionBackwardData(nint handle, float* alpha, nint wDescriptor, ulong w, nint dyDescriptor, ulong dy,
        nint convolution, int algorithm,
        ulong workspace, nuint bytes, float* beta, nint dxDescriptor, ulong dx) =>
        Convolve(ConvolutionDirection.BackwardData, handle, alpha, wDescriptor, w, dyDescriptor, dy, convolution, algorithm, workspace,
            bytes, beta, dxDescriptor, dx);

    [UnmanagedCallersOnly]
    public static CudnnStatus ConvolutionBackwardFilter(nint handle, float* alpha, nint xDescriptor, ulong x, nint dyDescriptor, ulong dy,
        nint convolution, int algorithm,
        ulong workspace, nuint bytes, float* beta, nint dwDescriptor, ulong dw) =>
        Convolve(ConvolutionDirection.BackwardFilter, handle, alpha, xDescriptor, x, dyDescriptor, dy, convolution, algorithm, workspace,
            bytes, beta, dwDescriptor, dw);

    static CudnnStatus Heuristics(ConvolutionDirection direction, nint handle, nint first, nint second, nint convolution, nint output,
        int requested, int* returned, CudnnAlgorithmPerformance* results, [CallerMemberName] string call = "") =>
        SimulatedCudnn.Entry.Run(context =>
    {
        CudnnEntries.Handle(context, handle);
        SimulatedCudnn.NotNull(returned, "returnedAlgoCount");
        SimulatedCudnn.NotNull(results, "perfResults");
        ConvolutionShape shape = Shape(direction, first, second, convolution, output);
        CudnnMathType mathType = CudnnEntries.Descriptor<ConvolutionDescriptor>(convolution).MathType;
        IReadOnlyList<CudnnAlgorithm> algorithms = CudnnAlgorithm.Of(direction);
        *returned = Math.Min(requested, algorithms.Count);
        if (requested < 1)
            throw SimulatedCudnn.Refuse(CudnnStatus.BadParam, $"{requested} algorithms are asked for");
        for (int i = 0; i < *returned; i++)
            results[i] = algorithms[i].Performance(shape, mathType);
    }, call);

    static CudnnStatus WorkspaceSize(ConvolutionDirection direction, nint handle, nint first, nint second, nint convolution, nint output,
        int algorithm, nuint* bytes, [CallerMemberName] string call = "") => SimulatedCudnn.Entry.Run(context =>
    {
        CudnnEntries.Handle(context, handle);
        SimulatedCudnn.NotNull(bytes, "sizeInBytes");
        *bytes = (nuint)CudnnAlgorithm.Find(direction, algorithm).WorkspaceBytes(Shape(direction, first, second, convolution, output));
    }, call);

    static CudnnStatus Convolve(ConvolutionDirection direction, nint handle, float* alpha, nint firstDescriptor, ulong first,
        nint secondDescriptor, ulong second,
        nint convolution, int number, ulong workspace, nuint workspaceBytes, float* beta, nint outputDescriptor, ulong output,
        [CallerMemberName] string call = "") => SimulatedCudnn.Entry.Run(context =>
    {
        CudnnHandle found = CudnnEntries.Handle(context, handle);
        SimulatedCudnn.NotNull(alpha, "alpha");
        SimulatedCudnn.NotNull(beta, "beta");
        ConvolutionShape shape = Shape(direction, firstDescriptor, secondDescriptor, convolution, outputDescriptor);
        CudnnAlgorithm algorithm = CudnnAlgorithm.Find(direction, number);
        long needed = algorithm.WorkspaceBytes(shape);
        (ulong x, ulong w, ulong y) = Arrange(direction, first, second, output);
        CheckPointer("x", x);
        CheckPointer("w", w);
        CheckPointer("y", y);
        if (workspaceBytes < (nuint)needed)
            throw SimulatedCudnn.Refuse(CudnnStatus.BadParamSizeInsufficient,
                $"algorithm {number} needs {needed} bytes of workspace and gets {workspaceBytes}");
        if (needed > 0)
            CheckPointer("the workspace", workspace);
        bool tf32 = algorithm.HasMatrixUnits && CudnnEntries.Descriptor<ConvolutionDescriptor>(convolution).MathType != CudnnMathType.Fma;
        Scaling scaling = new(*alpha, *beta);
        MemoryRegion[] arrays = [MemoryRegion.Floats("x", x, shape.InputCount), MemoryRegion.Floats("w", w, shape.FilterCount),
            MemoryRegion.Floats("y", y, shape.OutputCount)];
        int result = direction switch { ConvolutionDirection.Forward => 2, ConvolutionDirection.BackwardData => 0, _ => 1 };
        LibraryKernel kernel = new(NameOf(direction), shape.FloatingPointOperations);
        for (int i = 0; i < arrays.Length; i++)
        {
            // The result is not read when it is not added to.
            _ = i != result ? kernel.Reads(arrays[i]) : scaling.Beta == 0 ? kernel.Writes(arrays[i]) : kernel.Updates(arrays[i]);
        }
        kernel.Uses(new MemoryRegion("workspace", workspace, needed));
        kernel.Enqueue(Entry.Stream(context, found.Stream), workers =>
            Run(direction, new(shape, tf32, workers), (float*)x, (float*)w, (float*)y, scaling));
    }, call);

    static void Run(ConvolutionDirection direction, DirectConvolution convolution, float* x, float* w, float* y, Scaling scaling)
    {
        switch (direction)
        {
            case ConvolutionDirection.Forward: convolution.Forward(x, w, y, scaling); break;
            case ConvolutionDirection.BackwardData: convolution.BackwardData(w, y, x, scaling); break;
            default: convolution.BackwardFilter(x, y, w, scaling); break;
        }
    }

    /// <summary>The name under which a direction is counted.</summary>
    static string NameOf(ConvolutionDirection direction) => direction switch
    {
        ConvolutionDirection.Forward => ConvolutionPlan.ForwardName,
        ConvolutionDirection.BackwardData => ConvolutionPlan.BackwardDataName,
        _ => ConvolutionPlan.BackwardFilterName,
    };

    /// <summary>x, w and y of a call; of gradients the arrays that they are the gradients of.</summary>
    static (T X, T W, T Y) Arrange<T>(ConvolutionDirection direction, T first, T second, T output) => direction switch
    {
        ConvolutionDirection.Forward => (first, second, output),
        ConvolutionDirection.BackwardData => (output, first, second),
        _ => (first, output, second),
    };

    /// <summary>What the descriptors of a call say together.</summary>
    static ConvolutionShape Shape(ConvolutionDirection direction, nint first, nint second, nint convolution, nint output)
    {
        (nint xDescriptor, nint wDescriptor, nint yDescriptor) = Arrange(direction, first, second, output);
        FourDimensions x = CudnnEntries.Content<TensorDescriptor, FourDimensions>(xDescriptor).Supported("x");
        FourDimensions w = CudnnEntries.Content<FilterDescriptor, FourDimensions>(wDescriptor).Supported("w");
        FourDimensions y = CudnnEntries.Content<TensorDescriptor, FourDimensions>(yDescriptor).Supported("y");
        ConvolutionGeometry geometry = CudnnEntries.Content<ConvolutionDescriptor, ConvolutionGeometry>(convolution);
        int groups = CudnnEntries.Descriptor<ConvolutionDescriptor>(convolution).Groups;
        if (geometry.ComputeType != CudnnDataType.Float)
            throw SimulatedCudnn.Refuse(CudnnStatus.NotSupportedDataType,
                $"sums of type {geometry.ComputeType}; the software GPU convolves float32 only");
        if (geometry.Mode != CudnnConvolutionMode.CrossCorrelation)
            throw SimulatedCudnn.Refuse(CudnnStatus.NotSupported, "mirrored filters; the software GPU does cross-correlation only");
        if (x.C % groups != 0 || w.N % groups != 0 || w.C != x.C / groups)
            throw SimulatedCudnn.Refuse(CudnnStatus.BadParamShapeMismatch,
                $"x {x}, filters {w} and {groups} groups: a filter has the channels of one group, and groups divide the channels and the "
                + "filters");
        ConvolutionShape shape = new(x.N, x.H, x.W, x.C, w.N, w.H, w.W, geometry.StrideHeight, geometry.StrideWidth,
            geometry.PaddingHeight, geometry.PaddingWidth, geometry.DilationHeight, geometry.DilationWidth, groups);
        return (y.N, y.C, y.H, y.W) == (shape.N, shape.Filters, shape.OutputHeight, shape.OutputWidth) ? shape
            : throw SimulatedCudnn.Refuse(CudnnStatus.BadParamShapeMismatch,
                $"y {y} of x {x} and filters {w} must have H {shape.OutputHeight} and W {shape.OutputWidth}, N of x and as many C as "
                + "filters");
    }

    static void CheckPointer(string name, ulong address)
    {
        if (address == 0)
            throw SimulatedCudnn.Refuse(CudnnStatus.BadParamNullPointer, $"{name} is null");
        if (address % Alignment != 0)
            throw SimulatedCudnn.Refuse(CudnnStatus.BadParamMisalignedPointer, $"{name} at 0x{address:x} is no multiple of {Alignment}");
    }
}
