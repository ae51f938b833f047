using System.Runtime.InteropServices;

namespace PerturbedForgetting.Cuda.Driver;

/// <summary>16 raw bytes that name a device (<c>CUuuid</c>).</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct CudaUuid
{
    public fixed byte Bytes[16];

    /// <summary>As <c>nvidia-smi -L</c> prints it, without <c>GPU-</c>.</summary>
    public override readonly string ToString()
    {
        fixed (byte* bytes = Bytes)
            return new Guid(new ReadOnlySpan<byte>(bytes, 16), bigEndian: true).ToString();
    }
}

/// <summary>What came of updating an instantiated graph (<c>CUgraphExecUpdateResultInfo</c>).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct CudaGraphUpdateInfo
{
    public CudaGraphUpdateResult Result;
    public nint ErrorNode;
    public nint ErrorFromNode;
}
