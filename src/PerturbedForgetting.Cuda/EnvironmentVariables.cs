namespace PerturbedForgetting.Cuda;

/// <summary>An environment variable that the project reads.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Values">What it may hold.</param>
/// <param name="Default">What holds where it is not set.</param>
/// <param name="Purpose">What it is for.</param>
public sealed record EnvironmentVariable(string Name, string Values, string Default, string Purpose)
{
    /// <summary>What it holds; null or empty where it is not set.</summary>
    public string? Value => Environment.GetEnvironmentVariable(Name);

    /// <inheritdoc/>
    public override string ToString() => Name;
}

/// <summary>An environment variable holds what means nothing.</summary>
/// <param name="variable">The variable.</param>
/// <param name="value">What it holds.</param>
/// <param name="problem">What that is not, and what to do: "is not …. Use …".</param>
public sealed class EnvironmentVariableException(EnvironmentVariable variable, string value, string problem)
    : Exception($"{variable}={value} {problem}, or unset it.");

/// <summary>All environment variables of the project; <c>docs/environment.md</c> is this table.</summary>
public static class EnvironmentVariables
{
    /// <summary>What hides a library.</summary>
    public const string None = "none";

    /// <summary>Where the CUDA driver is.</summary>
    public static EnvironmentVariable CudaDriver { get; } = Library("PERTURBED_FORGETTING_CUDA_DRIVER",
        "the CUDA driver; `none`: no GPU");

    /// <summary>Where cuBLAS is.</summary>
    public static EnvironmentVariable Cublas { get; } = Library("PERTURBED_FORGETTING_CUBLAS",
        "cuBLAS; `none`: the project's own matrix products");

    /// <summary>Where cuBLASLt is.</summary>
    public static EnvironmentVariable CublasLt { get; } = Library("PERTURBED_FORGETTING_CUBLASLT",
        "cuBLASLt; `none`: biases take passes of their own");

    /// <summary>Where cuDNN is.</summary>
    public static EnvironmentVariable Cudnn { get; } = Library("PERTURBED_FORGETTING_CUDNN",
        "cuDNN; `none`: the project's own convolutions");

    /// <summary>Where NCCL is.</summary>
    public static EnvironmentVariable Nccl { get; } = Library("PERTURBED_FORGETTING_NCCL",
        "NCCL; `none`: sums between GPUs go through the host");

    /// <summary>Where NVTX is.</summary>
    public static EnvironmentVariable Nvtx { get; } = Library("PERTURBED_FORGETTING_NVTX",
        "NVTX; `none`: no names in a profiler's timeline");

    /// <summary>Where MPI is.</summary>
    public static EnvironmentVariable Mpi { get; } = Library("PERTURBED_FORGETTING_MPI",
        "MPI; `none`: no training by several processes without GPUs");

    /// <summary>A folder of libraries.</summary>
    public static EnvironmentVariable CudaLibraries { get; } = new("PERTURBED_FORGETTING_CUDA_LIBRARIES", "a folder", "no folder",
        "libraries, or a `site-packages` folder, searched first");

    /// <summary>Where the kernels are.</summary>
    public static EnvironmentVariable Kernels { get; } = new("PERTURBED_FORGETTING_PTX", "a folder", "those that ship",
        "PTX of the kernels, made by another compiler or for another architecture");

    /// <summary>What the software GPU looks like.</summary>
    public static EnvironmentVariable SoftwareGpu { get; } = new("PERTURBED_FORGETTING_SIM",
        "`card=rtx4090`, `memory=64M,cudnn=none`, …", "a usual GPU",
        "what the software GPU (`--device sim`) looks like");

    /// <summary>Which instructions the processor computes with.</summary>
    public static EnvironmentVariable Simd { get; } = new("PERTURBED_FORGETTING_SIMD",
        "`portable`, `avx2`, `avx512`", "the best it has",
        "a lower level of instructions for `--device cpu`");

    /// <summary>How the processor convolves.</summary>
    public static EnvironmentVariable Convolution { get; } = new("PERTURBED_FORGETTING_CONVOLUTION",
        "`direct`, `winograd2`, `winograd`", "`winograd`",
        "3x3 convolutions of `--device cpu`: every multiplication of the definition, or Winograd's algorithm where it pays, in tiles of "
        + "2x2 outputs (rounds as the definition does) or of 4x4 (faster, with three times the rounding error)");

    /// <summary>Where indices of data sets are kept.</summary>
    public static EnvironmentVariable Cache { get; } = new("PERTURBED_FORGETTING_CACHE", "a folder; `none` or empty",
        "`perturbed-forgetting` in the user's folder of caches",
        "indices of large data files, kept from one run to the next; `none`: made anew each time");

    /// <summary>What lets processes into a run.</summary>
    public static EnvironmentVariable Token { get; } = new("PERTURBED_FORGETTING_TOKEN", "any text", "no secret",
        "of many processes, all with the same: nobody joins them who does not know it; `--gpus` makes one");

    /// <summary>Which process has started this one.</summary>
    public static EnvironmentVariable Parent { get; } = new("PERTURBED_FORGETTING_PARENT", "a number", "started by somebody else",
        "set by `--gpus` for the processes that it starts");

    /// <summary>Whether memory is poisoned.</summary>
    public static EnvironmentVariable Poison { get; } = new("PERTURBED_FORGETTING_POISON", "`1`", "not poisoned",
        "fills memory with NaN before it is handed out; on in all tests");

    /// <summary>The seed of the tests of kernels.</summary>
    public static EnvironmentVariable TestSeed { get; } = new("PERTURBED_FORGETTING_TEST_SEED", "a number", "another one in each run",
        "repeats the inputs of kernel tests, which print it");

    /// <summary>Whether long tests run whole.</summary>
    public static EnvironmentVariable AllTests { get; } = new("PERTURBED_FORGETTING_TEST_ALL", "`1`", "about a tenth of each",
        "runs tests of many cases whole");

    /// <summary>All of them.</summary>
    public static IReadOnlyList<EnvironmentVariable> All { get; } =
        [CudaDriver, Cublas, CublasLt, Cudnn, Nccl, Nvtx, Mpi, CudaLibraries, Kernels, SoftwareGpu, Simd, Convolution, Cache, Token, Parent,
            Poison, TestSeed, AllTests];

    static EnvironmentVariable Library(string name, string purpose) =>
        new(name, "a path, or `none`", "searched for", "where to find " + purpose);
}
