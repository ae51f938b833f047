using PerturbedForgetting.Cuda.Dnn;

namespace PerturbedForgetting.Simulator.Libraries;

/// <summary>An algorithm of the simulated cuDNN.</summary>
/// <param name="Number">Its number in the header.</param>
/// <param name="Name">Its name in the header.</param>
/// <param name="IsDeterministic">Whether the real one gives the same bits in every run.</param>
/// <param name="HasMatrixUnits">Whether the real one can use them, so that TF32 is possible.</param>
/// <param name="Workspace">Bytes of workspace; null for one that cannot do NHWC.</param>
sealed record CudnnAlgorithm(int Number, string Name, bool IsDeterministic, bool HasMatrixUnits, Func<ConvolutionShape, long>? Workspace)
{
    static readonly Func<ConvolutionShape, long> none = static _ => 0;

    // As the real heuristics may: what cannot be used stands between the others, and the fastest gradients are not deterministic.
    static readonly CudnnAlgorithm[][] inOrder =
    [
        [
            new(6, "WINOGRAD", true, false, null),
            new(1, "IMPLICIT_PRECOMP_GEMM", true, true, static shape => 16L * shape.KernelHeight * shape.KernelWidth * shape.GroupChannels),
            new(0, "IMPLICIT_GEMM", true, false, none),
            new(7, "WINOGRAD_NONFUSED", true, true, null),
            new(2, "GEMM", true, false, null),
            new(5, "FFT_TILING", true, false, null),
            new(4, "FFT", true, false, null),
            new(3, "DIRECT", true, false, null),
        ],
        [
            new(4, "WINOGRAD", true, false, null),
            new(0, "ALGO_0", false, false, none),
            new(1, "ALGO_1", true, true, static shape => sizeof(float) * shape.FilterCount),
            new(5, "WINOGRAD_NONFUSED", true, true, null),
            new(3, "FFT_TILING", true, false, null),
            new(2, "FFT", true, false, null),
        ],
        [
            new(0, "ALGO_0", false, false, none),
            new(5, "WINOGRAD_NONFUSED", true, true, null),
            new(3, "ALGO_3", false, false, static shape => 16L * shape.KernelHeight * shape.KernelWidth),
            new(1, "ALGO_1", true, true, static shape => sizeof(float) * shape.FilterCount * Math.Min(shape.N, 4)),
            new(6, "FFT_TILING", true, false, null),
            new(2, "FFT", true, false, null),
            new(4, "WINOGRAD", true, false, null),
        ],
    ];

    /// <summary>The algorithms of a direction, the one that the heuristics prefer first.</summary>
    public static IReadOnlyList<CudnnAlgorithm> Of(ConvolutionDirection direction) => inOrder[(int)direction];

    /// <summary>The algorithm of a number.</summary>
    public static CudnnAlgorithm Find(ConvolutionDirection direction, int number) =>
        Array.Find(inOrder[(int)direction], a => a.Number == number)
        ?? throw SimulatedCudnn.Refuse(CudnnStatus.BadParam, $"{number} is no algorithm of {direction}");

    /// <summary>Bytes of workspace that it needs.</summary>
    public long WorkspaceBytes(in ConvolutionShape shape) => Workspace is null
        ? throw SimulatedCudnn.Refuse(CudnnStatus.NotSupportedLayout, $"algorithm {Number} ({Name}) cannot do NHWC")
        : Workspace(shape);

    /// <summary>What the heuristics say of it.</summary>
    /// <param name="shape">The convolution.</param>
    /// <param name="mathType">What the descriptor allows.</param>
    public CudnnAlgorithmPerformance Performance(in ConvolutionShape shape, CudnnMathType mathType) => new()
    {
        Algorithm = Number,
        Status = Workspace is null ? CudnnStatus.NotSupportedLayout : CudnnStatus.Success,
        Time = -1,
        Memory = (nuint)(Workspace?.Invoke(shape) ?? 0),
        Determinism = IsDeterministic ? CudnnDeterminism.Deterministic : CudnnDeterminism.NonDeterministic,
        MathType = HasMatrixUnits ? mathType : CudnnMathType.Fma,
    };
}
