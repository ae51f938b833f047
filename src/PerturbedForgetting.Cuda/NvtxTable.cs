using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda.Libraries;

namespace PerturbedForgetting.Cuda;

/// <summary>The entry points of NVTX: null where nothing listens.</summary>
[StructLayout(LayoutKind.Sequential)]
unsafe struct NvtxTable : INativeTable
{
    public static CudaLibrary Library => CudaLibrary.Nvtx;

    public static string Prefix => "nvtx";

    public static string[] Exports { get; } = ["nvtxRangePushA", "nvtxRangePop"];

    public static nint StandIn(string export, bool isSupported) => 0;

    /// <summary>(name)</summary>
    public delegate* unmanaged<byte*, int> RangePushA;
    /// <summary>()</summary>
    public delegate* unmanaged<int> RangePop;
}
