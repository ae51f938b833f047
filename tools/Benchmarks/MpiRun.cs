using System.Diagnostics;
using System.Globalization;

namespace Benchmarks;

/// <summary>Starts programs by a launcher of MPI.</summary>
static class MpiRun
{
    /// <summary>The launchers of both families as Debian calls them, and what every system has.</summary>
    public static readonly string[] Launchers = ["mpirun.openmpi", "mpirun.mpich", "mpirun", "mpiexec"];

    /// <summary>Path of a launcher; null where there is none.</summary>
    public static string? Find(string launcher) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .Select(folder => Path.Join(folder, OperatingSystem.IsWindows() ? launcher + ".exe" : launcher)).FirstOrDefault(File.Exists);

    /// <summary>A command line that starts so many processes of a program on this machine.</summary>
    public static ProcessStartInfo Start(string launcher, int processes, string program, params string[] arguments)
    {
        ProcessStartInfo start = new(launcher, ["-np", processes.ToString(CultureInfo.InvariantCulture), program, .. arguments]);
        // Open MPI: more processes than cores, and in a container whose only user is root.
        string[] variables = ["OMPI_MCA_rmaps_base_oversubscribe", "OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"];
        foreach (string variable in variables)
            start.Environment[variable] = "1";
        return start;
    }
}
