using PerturbedForgetting.Cuda.Blas;
using PerturbedForgetting.Cuda.Dnn;
using PerturbedForgetting.Cuda.Nccl;

namespace PerturbedForgetting.Cuda.Libraries;

/// <summary>NVIDIA's libraries beside the driver. Each may be missing: the engine has kernels of its own for what they do.</summary>
/// <param name="Cublas">Matrix products.</param>
/// <param name="CublasLt">Linear layers with their bias in one pass.</param>
/// <param name="Cudnn">Convolutions.</param>
/// <param name="Nvtx">Names of ranges for profilers.</param>
public sealed record CudaLibraries(CublasApi Cublas, CublasLtApi CublasLt, CudnnApi Cudnn, Nvtx Nvtx)
{
    /// <summary>Those of this machine, looked for when they are first wanted.</summary>
    public static CudaLibraries Installed =>
        new(CublasApi.Installed, CublasLtApi.Installed, CudnnApi.Installed, Nvtx.Installed)
        {
            Search = LibrarySearch.Open,
            Nccl = new(static () => NcclApi.Installed),
        };

    /// <summary>None of them: the engine's own kernels compute everything.</summary>
    public static CudaLibraries None { get; } =
        new(CublasApi.Absent(NotWanted), CublasLtApi.Absent(NotWanted), CudnnApi.Absent(NotWanted), Nvtx.None);

    const string NotWanted = "not wanted here";

    /// <summary>How each was looked for; null for those of the software GPU, which need no search.</summary>
    public Func<CudaLibrary, LibraryReport>? Search { get; init; }

    /// <summary>Sums between the GPUs of several processes: looked for only where several work together.</summary>
    public Lazy<NcclApi> Nccl { get; init; } = new(static () => NcclApi.Absent(NotWanted));

    /// <summary>What NCCL is to a GPU.</summary>
    public LibraryStatus NcclStatus =>
        Status(CudaLibrary.Nccl, Nccl.Value.IsSupported, Nccl.Value.Version, Nccl.Value.Origin, Nccl.Value.WhyUnusable);

    /// <summary>What each library that one process computes with is to a GPU behind a driver.</summary>
    /// <param name="driverVersion">CUDA version of the driver, 1000·major + 10·minor; 0 when there is none.</param>
    public IReadOnlyList<LibraryStatus> Status(int driverVersion)
    {
        LibraryStatus cublas = Status(CudaLibrary.Cublas, Cublas.IsSupported, Cublas.Version, Cublas.Origin, Cublas.WhyUnusable);
        // One half of cuBLAS is not used without the other, and what is wrong with both is said once.
        LibraryStatus cublasLt = cublas.WhyUnusable is null
            ? Status(CudaLibrary.CublasLt, CublasLt.IsSupported, CublasLt.Version, CublasLt.Origin, CublasLt.WhyUnusable)
            : new(CudaLibrary.CublasLt, CublasLt.Version, CublasLt.Origin, CublasLt.WhyUnusable ?? "cuBLAS is not used", IsFound: false,
                IsNamed: false);
        return
        [
            cublas,
            cublasLt,
            Status(CudaLibrary.Cudnn, Cudnn.IsSupported, Cudnn.Version, Cudnn.Origin, Cudnn.WhyUnusable(driverVersion)),
            Status(CudaLibrary.Nvtx, Nvtx.IsSupported, null, Nvtx.Origin, Nvtx.IsSupported ? null : Nvtx.Origin),
        ];
    }

    /// <summary>What a person should put right before a GPU computes with these libraries, with the remedy; empty when nothing is wrong.
    /// Only a library that was named is a problem when it cannot be used.</summary>
    /// <param name="driverVersion">CUDA version of the driver, 1000·major + 10·minor.</param>
    public IReadOnlyList<string> Problems(int driverVersion) =>
        [.. Status(driverVersion).Where(status => status.IsProblem).Select(status => Problem(status, driverVersion))];

    /// <summary>Checks that nothing needs to be put right.</summary>
    /// <exception cref="CudaLibraryException">A library that was named cannot be used.</exception>
    public void Check(CudaDevice device)
    {
        if (Status(device.DriverVersion).FirstOrDefault(status => status.IsProblem) is { } first)
            throw new CudaLibraryException(LibraryNames.Title(first.Library), string.Join('\n', Problems(device.DriverVersion)));
    }

    /// <summary>A library of which it turned out that it cannot start.</summary>
    /// <exception cref="CudaLibraryException">It was named.</exception>
    public static LibraryStatus Failed(LibraryStatus status, CudaLibraryException reason, int driverVersion)
    {
        LibraryStatus failed = status with { WhyUnusable = $"{status.Origin} cannot start. {reason.Message}" };
        return failed.IsProblem
            ? throw Unusable(failed, driverVersion)
            : failed;
    }

    /// <summary>What is thrown where a library that was named cannot be used.</summary>
    public static CudaLibraryException Unusable(LibraryStatus status, int driverVersion) =>
        new(LibraryNames.Title(status.Library), Problem(status, driverVersion));

    LibraryStatus Status(CudaLibrary library, bool isLoaded, Version? version, string origin, string? whyUnusable)
    {
        LibraryReport? report = Search?.Invoke(library);
        return new(library, version, origin, whyUnusable,
            IsFound: isLoaded || report is { State: LibraryState.WrongVersion or LibraryState.Unusable },
            IsNamed: report is { IsNamed: true, State: not LibraryState.Hidden });
    }

    /// <summary>What a person is told about a library that was named and cannot be used.</summary>
    public static string Problem(LibraryStatus status, int driverVersion) =>
        $"{LibraryNames.Title(status.Library)} cannot be used: {status.WhyUnusable!.TrimEnd('.')}. "
        + $"{LibraryAdvice.Remedy(status.Library, driverVersion)} {LibraryAdvice.DoWithout(status.Library)}";

    /// <summary>What a person is told about one that was not: what it costs, why, and where there is one, what to do.</summary>
    public static string Note(LibraryStatus status, int driverVersion) =>
        $"Without {LibraryNames.Title(status.Library)} {LibraryAdvice.Cost(status.Library)}: {status.WhyUnusable!.TrimEnd('.')}."
        + (status.IsFound
            ? $" {LibraryAdvice.Remedy(status.Library, driverVersion)} {LibraryNames.Variable(status.Library)}=none hides it."
            : "");
}
