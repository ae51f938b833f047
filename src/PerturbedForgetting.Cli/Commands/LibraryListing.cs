using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Libraries;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Cli.Commands;

/// <summary><c>devices --verbose</c>: NVIDIA's libraries, where they were looked for, what was found, and what a missing one
/// costs.</summary>
static class LibraryListing
{
    /// <summary>Writes the list.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="libraries">Those beside the driver.</param>
    /// <param name="search">How each was looked for.</param>
    /// <param name="driverVersion">CUDA version of the driver, 1000·major + 10·minor; 0 when there is none.</param>
    public static void Write(TextWriter output, CudaLibraries libraries, Func<CudaLibrary, LibraryReport> search, int driverVersion)
    {
        output.WriteLine("libraries");
        LibraryReport driver = search(CudaLibrary.Driver);
        Write(output, driver, driverVersion, driverVersion > 0 ? $"CUDA {PtxCompatibility.CudaVersionText(driverVersion)}"
            : "", driver.Origin, driverVersion > 0 ? null : driver.Origin);
        foreach (LibraryStatus status in libraries.Status(driverVersion).Append(libraries.NcclStatus))
            Write(output, search(status.Library), driverVersion, status.Version?.ToString() ?? "", status.Origin, status.WhyUnusable);
        output.WriteLine($"  A folder of libraries may be named in {EnvironmentVariables.CudaLibraries.Name}; it is searched first.");
    }

    static void Write(TextWriter output, LibraryReport report, int driverVersion, string version, string origin, string? whyUnusable)
    {
        string title = LibraryNames.Title(report.Library);
        output.WriteLine($"  {title}");
        Line(output, "version", version);
        Line(output, "from", whyUnusable is null || report.Handle != 0 ? origin : "");
        if (whyUnusable is null)
            Line(output, "state", "used");
        else
        {
            Line(output, "state", $"not used: {whyUnusable}");
            Line(output, "without it", LibraryAdvice.Cost(report.Library));
            Line(output, "remedy", report.State == LibraryState.Hidden
                ? $"unset {LibraryNames.Variable(report.Library)}"
                : LibraryAdvice.Remedy(report.Library, driverVersion));
        }
        Attempts(output, report.Tried);
    }

    /// <summary>Writes the places that a search looked at.</summary>
    public static void Attempts(TextWriter output, IReadOnlyList<LibraryAttempt> tried)
    {
        string name = "looked at";
        foreach (LibraryAttempt attempt in tried.Where(attempt => attempt.Outcome != LibraryAttempt.NoFolder))
        {
            Line(output, name, $"{attempt.Path}: {attempt.Outcome}");
            name = "";
        }
        Line(output, "not there",
            string.Join(", ", tried.Where(attempt => attempt.Outcome == LibraryAttempt.NoFolder).Select(attempt => attempt.Path)));
    }

    /// <summary>Writes what is known; nothing where it is empty.</summary>
    public static void Line(TextWriter output, string name, string value)
    {
        if (value.Length > 0)
            output.WriteLine($"    {name,-12}{ParameterNames.Translate(value)}");
    }
}
