using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Blas;
using PerturbedForgetting.Cuda.Dnn;
using PerturbedForgetting.Cuda.Libraries;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Profiling;

/// <summary>Workloads of NVIDIA's libraries, in TF32 as training uses them: a product of squares, and a convolution of ResNet-50's first stage.</summary>
sealed class LibraryWorkloads(int side, CudaLibraries libraries)
{
    /// <summary>Instead of a folder of <c>kernels/</c>.</summary>
    public const string Family = "library";

    const string Product = Cublas.GemmName, Forward = ConvolutionPlan.ForwardName, BackwardData = ConvolutionPlan.BackwardDataName,
        BackwardFilter = ConvolutionPlan.BackwardFilterName;

    readonly ConvolutionShape convolution = new(side * side, 56, 56, 64, 64, 3, 3, 1, 1, 1, 1, 1, 1, 1);

    /// <summary>Names that the launches have.</summary>
    public static IReadOnlyList<string> Names { get; } = [Product, Forward, BackwardData, BackwardFilter];

    /// <summary>Workloads of the libraries that can be used on a GPU.</summary>
    public IEnumerable<KernelWorkload> For(CudaDevice gpu) =>
    [
        .. libraries.Cublas.WhyUnusable is null ? [Gemm()] : Array.Empty<KernelWorkload>(),
        .. libraries.Cudnn.WhyUnusable(gpu) is null ? Names.Skip(1).Select(Convolution) : [],
    ];

    KernelWorkload Gemm()
    {
        int size = 256 * side;
        long count = (long)size * size;
        return new(Product, Family, $"[{size}, {size}] x [{size}, {size}]", count, 8, 4, m =>
        {
            Cublas cublas = m.Own(new Cublas(m.Stream.Context, libraries.Cublas) { AllowTf32 = true });
            var (a, b, c) = (Pointer(m.Floats(size, size)), Pointer(m.Floats(size, size)), Pointer(m.Output(size, size)));
            cublas.SetStream(m.Stream);
            return () => cublas.Gemm(false, false, size, size, size, a, size, 0, b, size, 0, c, size, 0, 1, accumulate: false);
        })
        {
            Operations = 2.0 * size,
        };
    }

    KernelWorkload Convolution(string name) => new(name, Family, $"[{convolution.N}, 56, 56, 64], 3 x 3", convolution.OutputCount, 4, 4, m =>
    {
        Cudnn cudnn = m.Own(new Cudnn(m.Stream.Context, libraries.Cudnn));
        cudnn.SetStream(m.Stream);
        ConvolutionPlan plan = cudnn.Plan(convolution, tf32: true, deterministic: false) ?? throw new NotSupportedException($"cuDNN has no algorithm for {convolution}.");
        var (x, w, y) = (Pointer(m.Floats((int)convolution.InputCount)), Pointer(m.Floats((int)convolution.FilterCount)), Pointer(m.Floats((int)convolution.OutputCount)));
        long bytes = (name switch { Forward => plan.ForwardAlgorithm, BackwardData => plan.BackwardDataAlgorithm, _ => plan.BackwardFilterAlgorithm }).WorkspaceBytes;
        DevicePointer workspace = bytes == 0 ? default : Pointer(m.Output(DType.UInt8, checked((int)bytes)));
        return name switch
        {
            Forward => () => plan.Forward(x, w, y, workspace, bytes),
            BackwardData => () => plan.BackwardData(w, y, x, workspace, bytes),
            _ => () => plan.BackwardFilter(x, y, w, workspace, bytes),
        };
    })
    {
        Operations = (double)convolution.FloatingPointOperations / convolution.OutputCount,
    };

    static DevicePointer Pointer(Tensor tensor) => CudaBackend.Pointer(tensor);
}
