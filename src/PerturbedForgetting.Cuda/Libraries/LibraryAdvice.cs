namespace PerturbedForgetting.Cuda.Libraries;

/// <summary>What to tell a person about a library.</summary>
public static class LibraryAdvice
{
    /// <summary>How convolutions are computed without cuDNN.</summary>
    public const string Unfolded = "the matrix product of unfolded windows (im2col)";

    /// <summary>What is done without it; the end of a sentence that begins with "Without cuBLAS".</summary>
    public static string Cost(CudaLibrary library) => library switch
    {
        CudaLibrary.Driver => "there is no GPU; `device` cpu and `device` sim work",
        CudaLibrary.Cublas => "matrix products run in this project's own kernels, more slowly",
        CudaLibrary.CublasLt => "biases and their gradients take passes of their own",
        CudaLibrary.Cudnn => "convolutions run as matrix products of unfolded windows (im2col), with more time and memory",
        CudaLibrary.Nccl => "several processes on GPUs send their sums through the host's memory (MPI), more slowly",
        _ => "Nsight shows no names of steps and operations",
    };

    /// <summary>What to do to have it.</summary>
    /// <param name="library">The library.</param>
    /// <param name="driverVersion">CUDA version of the driver, 1000·major + 10·minor; 0 when there is none.</param>
    public static string Remedy(CudaLibrary library, int driverVersion)
    {
        bool is13 = driverVersion >= LibraryNames.Cuda13;
        string cublas = is13 ? "nvidia-cublas" : "nvidia-cublas-cu12";
        return library switch
        {
            CudaLibrary.Driver =>
                $"Install NVIDIA's driver, at least "
                + $"{PtxCompatibility.DriverText(PtxCompatibility.RequiredCuda(CudaRequirements.PtxVersion))}.",
            CudaLibrary.Cublas or CudaLibrary.CublasLt => Install($"cuBLAS 12{(is13 ? " or 13" : "")}", cublas, library),
            CudaLibrary.Cudnn => Install("cuDNN 9", is13 ? "nvidia-cudnn-cu13" : "nvidia-cudnn-cu12", library),
            CudaLibrary.Nccl => Install("NCCL 2.13 or newer", is13 ? "nvidia-nccl-cu13" : "nvidia-nccl-cu12", library),
            _ => "Run under 'nsys profile --trace=cuda,nvtx', which brings its own, or " + Install("NVTX", is13
                ? "nvidia-nvtx"
                : "nvidia-nvtx-cu12", library, "install"),
        };
    }

    /// <summary>How to do without it on purpose.</summary>
    public static string DoWithout(CudaLibrary library) => $"With {LibraryNames.Variable(library)}=none {Cost(library)}.";

    static string Install(string product, string wheel, CudaLibrary library, string verb = "Install") =>
        $"{verb} {product} ('pip install {wheel}') and activate its environment, or name its file in {LibraryNames.Variable(library)}.";
}
