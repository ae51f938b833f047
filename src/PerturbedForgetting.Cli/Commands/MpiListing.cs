using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Libraries;
using PerturbedForgetting.Tensors.Distributed.Mpi;

namespace PerturbedForgetting.Cli.Commands;

/// <summary><c>devices --verbose</c>: the libraries of MPI, by family. Looking for them starts nothing.</summary>
static class MpiListing
{
    /// <summary>Writes the list.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="launcher">What started this process; null where it was nothing that MPI knows.</param>
    /// <param name="chosen">Finds the library of this process.</param>
    /// <param name="search">Finds that of a family.</param>
    public static void Write(TextWriter output, MpiLauncher? launcher, Func<MpiReport> chosen, Func<MpiFamily, MpiReport> search)
    {
        output.WriteLine("MPI");
        if (launcher is not null)
            LibraryListing.Line(output, "started by", launcher.Name);
        MpiReport used = chosen();
        if (used.IsNamed || used.State == LibraryState.Hidden)
        {
            Write(output, used.Api.IsSupported ? used.Api.Family.Title() : EnvironmentVariables.Mpi.Name, used, used, isChosen: true);
            return;
        }
        foreach (MpiFamily family in Enum.GetValues<MpiFamily>())
            Write(output, family.Title(), search(family), used, isChosen: launcher is not null);
        if (launcher is null)
            output.WriteLine("  The program that starts the processes decides which family is used.");
    }

    static void Write(TextWriter output, string title, MpiReport report, MpiReport used, bool isChosen)
    {
        output.WriteLine($"  {title}");
        LibraryListing.Line(output, "version", report.Api.Version);
        LibraryListing.Line(output, "from", report.Api.IsSupported ? report.Api.Origin : "");
        if (report.Api.IsSupported)
            LibraryListing.Line(output, "state", isChosen && report.Api.Origin == used.Api.Origin ? "used" : "found");
        else
        {
            LibraryListing.Line(output, "state", $"not used: {report.Api.Origin}");
            if (!used.Api.IsSupported)
            {
                LibraryListing.Line(output, "without it", MpiSearch.Cost);
                LibraryListing.Line(output, "remedy",
                    report.State == LibraryState.Hidden ? $"unset {EnvironmentVariables.Mpi}" : MpiSearch.Remedy);
            }
        }
        LibraryListing.Attempts(output, report.Tried);
    }
}
