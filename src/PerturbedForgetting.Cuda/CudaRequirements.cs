using PerturbedForgetting.Cuda.Driver;

namespace PerturbedForgetting.Cuda;

/// <summary>What the project's kernels ask of a GPU and its driver. Checked when a device is opened, so that the first message is about
/// the machine and not about one kernel of many.</summary>
public static class CudaRequirements
{
    /// <summary>Compute capability of the kernels, 10·major + minor.</summary>
    public const int ComputeCapability = 80;

    /// <summary>PTX version of the kernels, 10·major + minor.</summary>
    public const int PtxVersion = 78;

    /// <summary>What keeps a GPU from running the kernels; null when nothing does.</summary>
    public static string? WhyUnusable(CudaDevice device) =>
        PtxCompatibility.Explain(PtxVersion, "sm_80", device.DriverVersion, device.ComputeCapability);

    /// <summary>Checks that a GPU can run the kernels.</summary>
    /// <exception cref="CudaException">The GPU or the driver is too old; the message says what is needed.</exception>
    public static void Check(CudaDevice device)
    {
        if (WhyUnusable(device) is { } reason)
        {
            CudaResult result = PtxCompatibility.NewestPtx(device.DriverVersion) < PtxVersion
                ? CudaResult.UnsupportedPtxVersion
                : CudaResult.NoBinaryForGpu;
            throw new CudaException($"Opening {device.Name}", result, "", advice: reason);
        }
    }
}
