using System.Runtime.InteropServices;

namespace PerturbedForgetting.Cuda.Driver;

/// <summary>What came of updating an instantiated graph (<c>CUgraphExecUpdateResultInfo</c>).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct CudaGraphUpdateInfo
{
    public CudaGraphUpdateResult Result;
    public nint ErrorNode;
    public nint ErrorFromNode;
}
