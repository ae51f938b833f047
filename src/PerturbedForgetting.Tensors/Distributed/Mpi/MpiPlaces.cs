using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda.Libraries;

namespace PerturbedForgetting.Tensors.Distributed.Mpi;

/// <summary>The folders in which a library of MPI may lie, in the order in which they are searched.</summary>
static class MpiPlaces
{
    static readonly string[] launchers = ["mpiexec", "mpirun", "mpiexec.hydra", "orterun"];

    /// <summary>File names to look for, the best first.</summary>
    public static IReadOnlyList<string> Wanted(MpiFamily family, bool windows) => family switch
    {
        MpiFamily.OpenMpi => windows ? [] : ["libmpi.so.40"],
        _ => windows ? ["msmpi.dll", "impi.dll"] : ["libmpi.so.12", "libmpich.so.12"],
    };

    /// <summary>The folders, each once; null stands for the system's own loader.</summary>
    public static IEnumerable<string?> Of(MpiFamily family, LibraryEnvironment environment)
    {
        IEnumerable<string?> places = environment.IsWindows ? Windows(environment) : Linux(family, environment);
        return places.Distinct();
    }

    static IEnumerable<string?> Linux(MpiFamily family, LibraryEnvironment environment)
    {
        string?[] prefixes = family == MpiFamily.OpenMpi
            ? [environment.Folder("OPAL_PREFIX")]
            : [environment.Folder("I_MPI_ROOT"), environment.Folder("MPICH_DIR")];
        IEnumerable<string> nearest = [.. prefixes.OfType<string>(), .. Named(environment)];
        string multiarch = environment.Architecture == Architecture.Arm64 ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
        IEnumerable<string> usual = family == MpiFamily.OpenMpi
            ? ["usr/lib64/openmpi/lib", "usr/lib64/mpi/gcc/openmpi5/lib64", "usr/lib64/mpi/gcc/openmpi4/lib64",
                $"usr/lib/{multiarch}/openmpi/lib"]
            : ["usr/lib64/mpich/lib", "usr/lib64/mpi/gcc/mpich/lib64", "usr/lib64/mvapich2/lib", "opt/intel/oneapi/mpi/latest/lib",
                "opt/intel/oneapi/mpi/latest/lib/release"];
        return
        [
            .. nearest.SelectMany(Libraries),
            // Before what mpirun's folder tells: modules set both, and a person may set this one alone.
            .. environment.Folders("LD_LIBRARY_PATH"),
            .. BesideLaunchers(environment).SelectMany(Libraries),
            null,
            .. usual.Select(environment.SystemFolder),
            environment.SystemFolder("usr/lib/" + multiarch),
            environment.SystemFolder("usr/lib64"),
            environment.SystemFolder("usr/lib"),
            environment.SystemFolder("usr/local/lib"),
        ];
    }

    static IEnumerable<string?> Windows(LibraryEnvironment environment) =>
    [
        environment.Folder("I_MPI_ROOT", "bin", "release"),
        environment.Folder("I_MPI_ROOT", "bin"),
        .. environment.Folders("PATH"),
        null,
        environment.Folder("SystemRoot", "System32"),
    ];

    static IEnumerable<string> Named(LibraryEnvironment environment) =>
        new[] { "MPI_HOME", "MPI_ROOT" }.Select(name => environment.Folder(name)).OfType<string>();

    // Intel's release build lies in a folder of its own in older versions.
    static IEnumerable<string> Libraries(string prefix) =>
        [Path.Join(prefix, "lib", "release"), Path.Join(prefix, "lib"), Path.Join(prefix, "lib64")];

    // Modules and Python environments put mpirun on the path; what it starts wants the library from beside it.
    static IEnumerable<string> BesideLaunchers(LibraryEnvironment environment)
    {
        foreach (string folder in environment.Folders("PATH"))
        {
            foreach (string launcher in launchers.Select(name => Path.Join(folder, name)).Where(File.Exists))
            {
                foreach (string program in new[] { launcher, Target(launcher) })
                {
                    string? prefix = Path.GetDirectoryName(Path.GetDirectoryName(program));
                    // What belongs to the system is the loader's to find.
                    if (prefix is not null && prefix != Path.GetPathRoot(prefix) && prefix != environment.SystemFolder("usr"))
                        yield return prefix;
                }
            }
        }
    }

    static string Target(string link)
    {
        try
        {
            return File.ResolveLinkTarget(link, returnFinalTarget: true)?.FullName ?? link;
        }
        catch (IOException)
        {
            return link;
        }
    }
}
