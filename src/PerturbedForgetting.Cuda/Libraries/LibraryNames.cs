using System.Globalization;

namespace PerturbedForgetting.Cuda.Libraries;

/// <summary>What the libraries are called: for people, in the environment, on disk (the table "Library names, wheels, search" of
/// NVIDIA's own finder, cuda_pathfinder, and the file lists of the packages).</summary>
public static class LibraryNames
{
    /// <summary>The first CUDA version of a driver (1000·major + 10·minor) that takes the libraries of CUDA 13.</summary>
    internal const int Cuda13 = 13000;

    /// <summary>Parts of cuDNN 9, in the order in which one needs the other. The shim <c>cudnn</c> opens them at first use and ends
    /// the process when it finds none, which is why all must be there before.</summary>
    internal static readonly string[] CudnnParts =
        ["cudnn_graph", "cudnn_engines_precompiled", "cudnn_engines_runtime_compiled", "cudnn_heuristic", "cudnn_ops", "cudnn_cnn",
            "cudnn_adv"];

    /// <summary>Parts that only newer releases have, from 9.22.</summary>
    internal static readonly string[] NewerCudnnParts = ["cudnn_engines_tensor_ir", "cudnn_ext"];

    /// <summary>The product's name.</summary>
    public static string Title(CudaLibrary library) => library switch
    {
        CudaLibrary.Driver => "CUDA driver",
        CudaLibrary.Cublas => "cuBLAS",
        CudaLibrary.CublasLt => "cuBLASLt",
        CudaLibrary.Cudnn => "cuDNN",
        CudaLibrary.Nccl => "NCCL",
        _ => "NVTX",
    };

    /// <summary>Environment variable with the library's path; <c>none</c> hides the library.</summary>
    public static EnvironmentVariable Variable(CudaLibrary library) => library switch
    {
        CudaLibrary.Driver => EnvironmentVariables.CudaDriver,
        CudaLibrary.Cublas => EnvironmentVariables.Cublas,
        CudaLibrary.CublasLt => EnvironmentVariables.CublasLt,
        CudaLibrary.Cudnn => EnvironmentVariables.Cudnn,
        CudaLibrary.Nccl => EnvironmentVariables.Nccl,
        _ => EnvironmentVariables.Nvtx,
    };

    /// <summary>File names to look for, the best first; none where NVIDIA makes no such library for the system.</summary>
    /// <param name="library">The library.</param>
    /// <param name="windows">Names on Windows, else on Linux.</param>
    /// <param name="driverVersion">CUDA version of the driver, 1000·major + 10·minor; 0 when there is none.</param>
    internal static IReadOnlyList<string> Wanted(CudaLibrary library, bool windows, int driverVersion)
    {
        int[] majors = driverVersion >= Cuda13 ? [13, 12] : driverVersion == 0 ? [12, 13] : [12];
        return library switch
        {
            CudaLibrary.Driver => [windows ? "nvcuda.dll" : "libcuda.so.1"],
            CudaLibrary.Cublas => [.. majors.Select(major => File("cublas", major, windows))],
            CudaLibrary.CublasLt => [.. majors.Select(major => File("cublasLt", major, windows))],
            CudaLibrary.Cudnn => [File("cudnn", 9, windows)],
            CudaLibrary.Nccl => windows ? [] : [File("nccl", 2, windows)],
            _ => windows ? [File("nvToolsExt", 1, windows)] : [File("nvtx3interop", 1, windows), File("nvToolsExt", 1, windows)],
        };
    }

    /// <summary>File names of versions that cannot be used, and why not.</summary>
    /// <param name="library">The library.</param>
    /// <param name="windows">Names on Windows, else on Linux.</param>
    /// <param name="driverVersion">CUDA version of the driver, 1000·major + 10·minor; 0 when there is none.</param>
    internal static IReadOnlyList<(string File, string Reason)> Unwanted(CudaLibrary library, bool windows, int driverVersion)
    {
        if (library is CudaLibrary.Cudnn)
            return [(File("cudnn", 8, windows), "cuDNN 8; the engine needs cuDNN 9")];
        if (library is not (CudaLibrary.Cublas or CudaLibrary.CublasLt))
            return [];
        string stem = library is CudaLibrary.Cublas ? "cublas" : "cublasLt";
        List<(string, string)> files = [(File(stem, 11, windows), $"{Title(library)} 11; the engine needs {Title(library)} 12 or 13")];
        if (driverVersion is > 0 and < Cuda13)
            files.Insert(0, (File(stem, 13, windows),
                $"{Title(library)} 13 needs {PtxCompatibility.DriverText(Cuda13)}; the driver here is for CUDA "
                + $"{PtxCompatibility.CudaVersionText(driverVersion)}"));
        return files;
    }

    /// <summary>A library's file of a major version: <c>libcublas.so.12</c>, <c>cublas64_12.dll</c>.</summary>
    internal static string File(string stem, int major, bool windows)
    {
        string version = major.ToString(CultureInfo.InvariantCulture);
        return windows ? $"{stem}64_{version}.dll" : $"lib{stem}.so.{version}";
    }

    /// <summary>Folders of a Python environment's <c>site-packages</c> that NVIDIA's wheels and PyTorch's put the library in.</summary>
    internal static IReadOnlyList<string[]> WheelFolders(CudaLibrary library, bool windows)
    {
        string package = library switch
        {
            CudaLibrary.Cudnn => "cudnn",
            CudaLibrary.Nccl => "nccl",
            CudaLibrary.Nvtx => "nvtx",
            _ => "cublas",
        };
        return windows
            ? [["nvidia", package, "bin"], ["nvidia", "cu13", "bin", "x86_64"], ["torch", "lib"]]
            : [["nvidia", package, "lib"], ["nvidia", "cu13", "lib"], ["torch", "lib"]];
    }
}
