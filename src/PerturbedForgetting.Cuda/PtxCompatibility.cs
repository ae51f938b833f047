using System.Globalization;

namespace PerturbedForgetting.Cuda;

/// <summary>Which driver compiles which PTX, and which PTX a GPU needs: the one table behind every message about it
/// (PTX ISA, "Release Notes"; CUDA release notes).</summary>
public static class PtxCompatibility
{
    // PTX version, CUDA version of the driver that first compiles it, and the first such driver for Linux.
    static readonly (int Ptx, int Cuda, string Driver)[] drivers =
    [
        (70, 11000, "450.51"), (71, 11010, "455.23"), (72, 11020, "460.27"), (73, 11030, "465.19"), (74, 11040, "470.42"),
        (75, 11050, "495.29"), (76, 11060, "510.39"), (77, 11070, "515.43"), (78, 11080, "520.43"), (80, 12000, "525.60"),
        (81, 12010, "530.30"), (82, 12020, "535.54"), (83, 12030, "545.23"), (84, 12040, "550.54"), (85, 12050, "555.42"),
        (86, 12070, "565"), (87, 12080, "570.86"), (88, 12090, "575.51"), (90, 13000, "580.65"), (91, 13010, "590.44"),
        (92, 13020, "595.45"),
    ];

    // Compute capability and the first PTX version that names it as a target.
    /// <summary>CUDA version (1000·major + 10·minor) that a driver needs to compile a PTX version (10·major + minor); 0 when the
    /// version is not known.</summary>
    public static int RequiredCuda(int ptxVersion) => Array.Find(drivers, row => row.Ptx == ptxVersion).Cuda;

    /// <summary>The newest PTX version (10·major + minor) that a driver of a CUDA version compiles; 0 for one older than 11.0.</summary>
    public static int NewestPtx(int cudaVersion)
    {
        int newest = 0;
        foreach ((int ptx, int cuda, _) in drivers)
        {
            if (cuda <= cudaVersion)
                newest = ptx;
        }
        return newest;
    }

    /// <summary>What keeps a driver and a GPU from running a module; null when nothing that this table knows does.</summary>
    /// <param name="ptxVersion">The module's <c>.version</c>, 10·major + minor.</param>
    /// <param name="target">The module's <c>.target</c>: <c>sm_80</c>.</param>
    /// <param name="cudaVersion">The driver's CUDA version, 1000·major + 10·minor.</param>
    /// <param name="computeCapability">The GPU's, 10·major + minor.</param>
    public static string? Explain(int ptxVersion, string target, int cudaVersion, int computeCapability)
    {
        (int Ptx, int Cuda, string Driver) row = Array.Find(drivers, row => row.Ptx == ptxVersion);
        if (row.Cuda > cudaVersion || (row.Cuda == 0 && ptxVersion > NewestPtx(cudaVersion)))
        {
            string needed = row.Cuda == 0 ? "a newer driver" : DriverText(row.Cuda);
            return $"The PTX is version {Version(ptxVersion, 10, 1)} and needs {needed}; the driver here is for CUDA "
                + $"{Version(cudaVersion, 1000, 10)}. Update the NVIDIA driver.";
        }
        if (!int.TryParse(target.AsSpan(target.IndexOf('_') + 1).TrimEnd("af"), CultureInfo.InvariantCulture, out int required))
            return null;
        if (char.IsAsciiLetter(target[^1]) && required != computeCapability)
            return $"The PTX is for {target} only; the GPU has compute capability {Version(computeCapability, 10, 1)}.";
        return required > computeCapability
            ? $"The PTX is for compute capability {Version(required, 10, 1)} or newer; the GPU has {Version(computeCapability, 10, 1)}. "
                + "Use a newer GPU, or `device` cpu."
            : null;
    }

    /// <summary><c>12080</c> → <c>12.8</c>.</summary>
    public static string CudaVersionText(int cudaVersion) => Version(cudaVersion, 1000, 10);

    /// <summary><c>12080</c> → <c>a driver for CUDA 12.8 (Linux: 570.86 or newer)</c>.</summary>
    public static string DriverText(int cudaVersion)
    {
        string? driver = Array.Find(drivers, row => row.Cuda == cudaVersion).Driver;
        return $"a driver for CUDA {CudaVersionText(cudaVersion)}" + (driver is null ? "" : $" (Linux: {driver} or newer)");
    }

    static string Version(int number, int major, int minor) =>
        string.Create(CultureInfo.InvariantCulture, $"{number / major}.{number % major / minor}");
}
