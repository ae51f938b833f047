using System.Runtime.InteropServices;

namespace PerturbedForgetting.Cuda.Driver;

/// <summary>Finds the shared library of the CUDA driver.</summary>
static class DriverLibrary
{
    /// <summary>Environment variable with the library's path; <c>none</c> hides the driver.</summary>
    public const string OverrideVariable = "PERTURBED_FORGETTING_CUDA_DRIVER";

    static readonly string[] linux = ["libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1", "/run/opengl-driver/lib/libcuda.so.1"];
    static readonly string[] windows = ["nvcuda.dll"];

    /// <summary>Opens the library.</summary>
    /// <param name="origin">Its path, or what was tried in vain.</param>
    /// <returns>The library's handle, or 0.</returns>
    public static nint Open(out string origin)
    {
        string? given = Environment.GetEnvironmentVariable(OverrideVariable);
        if (given == "none")
        {
            origin = $"hidden by {OverrideVariable}=none";
            return 0;
        }
        string[] candidates = !string.IsNullOrEmpty(given) ? [given]
            : OperatingSystem.IsWindows() ? windows
            : OperatingSystem.IsLinux() ? linux
            : [];
        foreach (string candidate in candidates)
        {
            if (NativeLibrary.TryLoad(candidate, out nint library))
            {
                origin = candidate;
                return library;
            }
        }
        origin = candidates.Length == 0
            ? "there is no CUDA driver for this system"
            : $"not found: {string.Join(", ", candidates)}" + (string.IsNullOrEmpty(given) ? $" (another path: {OverrideVariable})" : $" (from {OverrideVariable})");
        return 0;
    }
}
