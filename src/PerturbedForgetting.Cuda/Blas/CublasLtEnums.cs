using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace PerturbedForgetting.Cuda.Blas;

/// <summary>Attributes of a product (<c>cublasLtMatmulDescAttributes_t</c>).</summary>
public enum CublasLtMatmulAttribute
{
    /// <summary><see cref="CublasOperation"/> of A.</summary>
    TransposeA = 3,
    /// <summary><see cref="CublasOperation"/> of B.</summary>
    TransposeB = 4,
    /// <summary><see cref="CublasLtEpilogue"/>.</summary>
    Epilogue = 7,
    /// <summary>Device address of the bias, or of its gradient.</summary>
    BiasPointer = 8,
}

/// <summary>What is done with a product before it is written, or beside it (<c>cublasLtEpilogue_t</c>). Matrices are in column-major
/// order.</summary>
public enum CublasLtEpilogue : uint
{
    /// <summary>Nothing.</summary>
    Default = 1,
    /// <summary>One number is added to each row of D.</summary>
    Bias = 4,
    /// <summary>The sums of op(B) along k are written: one for each column of D.</summary>
    BiasGradientB = 512,
}

/// <summary>What the choice of an algorithm depends on (<c>cublasLtMatmulPreferenceAttributes_t</c>).</summary>
public enum CublasLtPreferenceAttribute
{
    /// <summary>Most bytes of workspace, <c>ulong</c>; 0 when it is not set.</summary>
    MaxWorkspaceBytes = 1,
    /// <summary><see cref="CublasLtReduction"/>: how partial sums may be added.</summary>
    ReductionSchemeMask = 3,
    /// <summary>Alignment of A in bytes, <c>uint</c>; 256 when it is not set.</summary>
    MinAlignmentA = 5,
    /// <summary>Alignment of B in bytes.</summary>
    MinAlignmentB = 6,
    /// <summary>Alignment of C in bytes.</summary>
    MinAlignmentC = 7,
    /// <summary>Alignment of D in bytes.</summary>
    MinAlignmentD = 8,
}

/// <summary>How the partial sums of a product that is split along k are added (<c>cublasLtReductionScheme_t</c>).</summary>
[Flags]
public enum CublasLtReduction : uint
{
    /// <summary>In place, in the order in which they come: sums differ from run to run.</summary>
    InPlace = 1,
    /// <summary>From a workspace in float32.</summary>
    ComputeType = 2,
    /// <summary>From a workspace in the type of D.</summary>
    OutputType = 4,
}

/// <summary>An algorithm with its configuration (<c>cublasLtMatmulAlgo_t</c>): 64 bytes that only the library reads.</summary>
[InlineArray(8)]
public struct CublasLtAlgorithm
{
    ulong first;
}

/// <summary>An algorithm that the library proposes (<c>cublasLtMatmulHeuristicResult_t</c>, 96 bytes).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct CublasLtHeuristicResult
{
    /// <summary>The algorithm.</summary>
    public CublasLtAlgorithm Algorithm;
    /// <summary>Bytes of workspace that it needs.</summary>
    public nuint WorkspaceBytes;
    /// <summary>Success when it can be used.</summary>
    public CublasStatus State;
    /// <summary>How often its blocks fill the GPU.</summary>
    public float Waves;

    readonly int reserved0, reserved1, reserved2, reserved3;
}
