using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Libraries;

namespace PerturbedForgetting.Tensors.Distributed.Mpi;

/// <summary>What a search for MPI found.</summary>
/// <param name="State">How it ended.</param>
/// <param name="Api">The library, or why there is none.</param>
/// <param name="IsNamed">Whether the override variable named it, so that nothing else was looked at.</param>
/// <param name="Tried">Every place that was looked at, in order.</param>
public sealed record MpiReport(LibraryState State, MpiApi Api, bool IsNamed, IReadOnlyList<LibraryAttempt> Tried);

/// <summary>
/// Finds and loads the library of MPI that belongs to what started the process: of the families that the launcher can connect
/// (<see cref="MpiLauncher"/>), from the variable <see cref="EnvironmentVariables.Mpi"/> (<c>none</c> hides MPI), the folders that
/// <c>OPAL_PREFIX</c>, <c>I_MPI_ROOT</c>, <c>MPICH_DIR</c>, <c>MPI_HOME</c> or <c>MPI_ROOT</c> name, <c>LD_LIBRARY_PATH</c>, the folder
/// beside the <c>mpirun</c> of <c>PATH</c>, the system's loader, and the folders of distributions. Loading initialises nothing.
/// </summary>
public static class MpiSearch
{
    /// <summary>What to do to have it.</summary>
    public const string Remedy =
        "Install Open MPI or MPICH (Debian, Ubuntu: 'apt install openmpi-bin' or 'apt install mpich'), or name the "
        + "library's file in PERTURBED_FORGETTING_MPI.";

    /// <summary>What is done without it; the end of a sentence that begins with "Without MPI".</summary>
    public const string Cost = "several processes cannot train on CPUs, and mpirun cannot start them";

    static readonly Lazy<MpiReport> opened = new(() => Open(MpiLauncher.Current));

    static readonly Lazy<MpiReport>[] families =
        [.. Enum.GetValues<MpiFamily>().Select(family => new Lazy<MpiReport>(() => new Attempts([family], null).Open()))];

    /// <summary>The library of this process, looked for once and never unloaded. Never throws.</summary>
    public static MpiReport Open() => opened.Value;

    /// <summary>The library of a family, whichever started the process.</summary>
    public static MpiReport Open(MpiFamily family) => families[(int)family].Value;

    static MpiReport Open(MpiLauncher? launcher) => new Attempts(launcher?.Families ?? Enum.GetValues<MpiFamily>(), launcher).Open();

    /// <summary>The library of a process on a machine that looks like this.</summary>
    /// <param name="environment">The machine.</param>
    /// <param name="exports">The exports of a library that was loaded.</param>
    internal static MpiReport Open(LibraryEnvironment environment, Func<nint, Func<string, nint>> exports)
    {
        MpiLauncher? launcher = MpiLauncher.Recognise(environment.Variable);
        return new Attempts(launcher?.Families ?? Enum.GetValues<MpiFamily>(), launcher, environment, exports).Open();
    }

    /// <summary>One search.</summary>
    sealed class Attempts(IReadOnlyList<MpiFamily> families, MpiLauncher? launcher, LibraryEnvironment environment,
        Func<nint, Func<string, nint>> exports)
    {
        static readonly string variable = EnvironmentVariables.Mpi.Name;

        readonly List<LibraryAttempt> tried = [];
        MpiReport? refused;

        public Attempts(IReadOnlyList<MpiFamily> families, MpiLauncher? launcher)
            : this(families, launcher, LibraryEnvironment.Machine, NativeTable.ExportsOf)
        {
        }

        public MpiReport Open()
        {
            UcxSettings.Set();
            string? named = environment.Variable(variable);
            if (named == EnvironmentVariables.None)
                return End(LibraryState.Hidden, $"hidden by {variable}=none");
            return string.IsNullOrEmpty(named) ? Search() : Named(named);
        }

        // A person knows best which family it is.
        MpiReport Named(string path)
        {
            MpiReport? report = Directory.Exists(path)
                ? Enum.GetValues<MpiFamily>().Select(family => In(path, family, isNamed: true)).FirstOrDefault(found => found is not null)
                : File.Exists(path) ? Try(Path.GetFullPath(path), null)
                : Path.IsPathRooted(path) ? NotThere(path)
                : ThroughLoader(path, null);
            report ??= refused ?? End(LibraryState.Unusable, $"{variable}={path}: {tried[^1].Outcome}");
            return report with { IsNamed = true };
        }

        MpiReport Search()
        {
            int places = 0;
            foreach (MpiFamily family in families)
            {
                foreach (string? place in MpiPlaces.Of(family, environment))
                {
                    places++;
                    MpiReport? report = place is not null ? In(place, family, isNamed: false)
                        : Wanted(family).Select(name => ThroughLoader(name, family)).FirstOrDefault(found => found is not null);
                    if (report is not null)
                        return report;
                }
            }
            string names = string.Join(" or ", families.SelectMany(Wanted));
            return refused ?? End(LibraryState.Missing, (names.Length > 0 ? names : "a library of this family for this system")
                + $" is in none of {places} places (another path: {variable})"
                + (launcher is { Families.Count: 1 } ? $"; {launcher.Name} started this process and needs its own library" : ""));
        }

        MpiReport? In(string folder, MpiFamily family, bool isNamed)
        {
            int before = tried.Count;
            foreach (string path in Wanted(family).Select(name => Path.Join(folder, name)).Where(File.Exists))
            {
                if (Try(path, isNamed ? null : family) is { } report)
                    return report;
            }
            if (tried.Count == before)
                Note(folder, Directory.Exists(folder) ? "none there" : LibraryAttempt.NoFolder);
            return null;
        }

        MpiReport? Try(string path, MpiFamily? family)
        {
            (nint handle, string problem) = environment.Load(path);
            return handle == 0 ? Refuse(path, $"it cannot be loaded: {problem}") : Take(path, handle, family, "loaded");
        }

        MpiReport? ThroughLoader(string name, MpiFamily? family)
        {
            (nint handle, _) = environment.Load(name);
            if (handle != 0)
                return Take(name, handle, family, "loaded by the system");
            Note(name, "the system's loader finds none");
            return null;
        }

        // Names are shared: libmpi.so.12 was Open MPI's once.
        MpiReport? Take(string path, nint handle, MpiFamily? family, string outcome)
        {
            Func<string, nint> export = exports(handle);
            if (family is { } wanted && MpiApi.FamilyOf(export) is var found && found != wanted)
                return Refuse(path, $"it is of another family ({found.Title()})");
            MpiApi api = MpiApi.From(export, path);
            if (!api.IsSupported)
                return Refuse(path, api.Origin);
            Note(path, outcome);
            return new(LibraryState.Found, api, IsNamed: false, tried);
        }

        IReadOnlyList<string> Wanted(MpiFamily family) => MpiPlaces.Wanted(family, environment.IsWindows);

        MpiReport? NotThere(string path)
        {
            Note(path, "not there");
            return null;
        }

        // The search goes on; the first refusal is what a search in vain ends with.
        MpiReport? Refuse(string path, string reason)
        {
            Note(path, reason);
            refused ??= End(LibraryState.Unusable, reason.StartsWith(path, StringComparison.Ordinal) ? reason
                : $"{path} cannot be used: {reason}");
            return null;
        }

        void Note(string path, string outcome) => tried.Add(new(path, outcome));

        MpiReport End(LibraryState state, string origin) => new(state, MpiApi.Absent(origin), IsNamed: false, tried);
    }
}
