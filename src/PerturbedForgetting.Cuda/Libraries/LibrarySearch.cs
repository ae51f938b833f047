namespace PerturbedForgetting.Cuda.Libraries;

/// <summary>
/// Finds and loads NVIDIA's libraries. The order: the library's variable (<see cref="LibraryNames.Variable"/>; <c>none</c> hides the
/// library); the folder in <see cref="EnvironmentVariables.CudaLibraries"/>; Python environments with NVIDIA's wheels; the system's loader;
/// the folders of CUDA toolkits. Libraries of CUDA 13 come before those of CUDA 12 where the driver takes them.
/// </summary>
public static class LibrarySearch
{
    static readonly Lazy<LibraryReport>[] opened =
        [.. Enum.GetValues<CudaLibrary>().Select(library => new Lazy<LibraryReport>(() => Open(library, LibraryEnvironment.Machine)))];

    /// <summary>A library of this machine, looked for once and never unloaded. Never throws.</summary>
    public static LibraryReport Open(CudaLibrary library) => opened[(int)library].Value;

    /// <summary>A library of a machine that looks like this.</summary>
    internal static LibraryReport Open(CudaLibrary library, LibraryEnvironment environment) => new Attempts(library, environment).Open();

    /// <summary>One search.</summary>
    sealed class Attempts(CudaLibrary library, LibraryEnvironment environment)
    {
        readonly string title = LibraryNames.Title(library), variable = LibraryNames.Variable(library).Name;
        readonly List<LibraryAttempt> tried = [];
        LibraryReport? refused;

        public LibraryReport Open()
        {
            string? named = environment.Variable(variable);
            if (named == EnvironmentVariables.None)
                return End(LibraryState.Hidden, $"hidden by {variable}=none");
            if (!environment.IsKnown || Wanted().Count == 0)
                return End(LibraryState.Missing, $"there is no {title} for this system");
            // cuDNN needs cuBLAS, and does not find one that lies in another folder of the environment.
            if (library == CudaLibrary.Cudnn)
                LibrarySearch.Open(CudaLibrary.Cublas, environment);
            return string.IsNullOrEmpty(named) ? Search() : Named(named);
        }

        LibraryReport Named(string path)
        {
            LibraryReport? report = Directory.Exists(path)
                ? In(path)
                : File.Exists(path) ? Try(Path.GetFullPath(path)) : Path.IsPathRooted(path) ? NotThere(path) : ThroughLoader(path);
            report ??= refused ?? End(LibraryState.Unusable, $"{variable}={path}: {tried[^1].Outcome}");
            return report with { IsNamed = true };
        }

        LibraryReport Search()
        {
            int places = 0;
            foreach (string? place in LibraryPlaces.Of(library, environment))
            {
                places++;
                if ((place is null ? ThroughLoader() : In(place)) is { } report)
                    return report;
            }
            return refused ?? End(LibraryState.Missing,
                $"{string.Join(" or ", Wanted())} is in none of {places} places (another path: {variable})");
        }

        LibraryReport? ThroughLoader()
        {
            foreach (string name in Wanted())
            {
                if (ThroughLoader(name) is { } report)
                    return report;
            }
            return null;
        }

        LibraryReport? ThroughLoader(string name)
        {
            (nint handle, _) = environment.Load(name);
            Note(name, handle != 0 ? "loaded by the system" : "the system's loader finds none");
            return handle != 0 ? End(LibraryState.Found, name, handle) : null;
        }

        LibraryReport? In(string folder)
        {
            int before = tried.Count;
            foreach (string path in Wanted().Select(name => Path.Join(folder, name)).Where(File.Exists))
            {
                if (Try(path) is { } report)
                    return report;
            }
            foreach ((string file, string reason) in LibraryNames.Unwanted(library, environment.IsWindows, DriverVersion()))
            {
                string path = Path.Join(folder, file);
                if (File.Exists(path))
                    Refuse(LibraryState.WrongVersion, path, "it is " + reason);
            }
            if (tried.Count == before)
                Note(folder, Directory.Exists(folder) ? "none there" : LibraryAttempt.NoFolder);
            return null;
        }

        // A file that is there: its companions first, by absolute path, so that the loader takes them from the same folder.
        LibraryReport? Try(string path)
        {
            string folder = Path.GetDirectoryName(path) ?? "";
            if (LibraryPlaces.IsStubs(folder))
                return Refuse(LibraryState.Unusable, path, "it is a stand-in for linking");
            if (LibraryNames.Unwanted(library, environment.IsWindows, DriverVersion())
                .FirstOrDefault(file => file.File == Path.GetFileName(path)) is { File: not null } wrong)
                return Refuse(LibraryState.WrongVersion, path, "it is " + wrong.Reason);
            (IReadOnlyList<string> companions, IReadOnlyList<string> missing) = Companions(folder, path);
            if (missing.Count > 0)
                return Refuse(LibraryState.Unusable, path,
                    $"{string.Join(", ", missing)} {(missing.Count == 1 ? "is" : "are")} not beside it, and cuDNN would end the process");
            foreach (string companion in companions)
            {
                (nint loaded, string reason) = environment.Load(companion);
                if (loaded == 0)
                    return Refuse(LibraryState.Unusable, path, $"{Path.GetFileName(companion)} beside it cannot be loaded: {reason}");
            }
            (nint handle, string problem) = environment.Load(path);
            if (handle == 0)
                return Refuse(LibraryState.Unusable, path, $"it cannot be loaded: {problem}");
            Note(path, "loaded");
            return End(LibraryState.Found, path, handle);
        }

        (IReadOnlyList<string> Companions, IReadOnlyList<string> Missing) Companions(string folder, string path)
        {
            bool windows = environment.IsWindows;
            if (library == CudaLibrary.Cublas)
            {
                string other = Path.Join(folder, Path.GetFileName(path).Replace("cublas", "cublasLt", StringComparison.Ordinal));
                return (File.Exists(other) ? [other] : [], []);
            }
            if (library != CudaLibrary.Cudnn)
                return ([], []);
            string[] needed = [.. LibraryNames.CudnnParts.Select(part => LibraryNames.File(part, 9, windows))];
            return
            (
                [.. needed.Concat(LibraryNames.NewerCudnnParts.Select(part => LibraryNames.File(part, 9, windows)))
                    .Select(file => Path.Join(folder, file)).Where(File.Exists)],
                [.. needed.Where(file => !File.Exists(Path.Join(folder, file)))]
            );
        }

        IReadOnlyList<string> Wanted() => LibraryNames.Wanted(library, environment.IsWindows, DriverVersion());

        // While the driver is looked for there is no one to ask.
        int DriverVersion() => library == CudaLibrary.Driver ? 0 : environment.DriverVersion();

        LibraryReport? NotThere(string path)
        {
            Note(path, "not there");
            return null;
        }

        // The search goes on; the first refusal is what a search in vain ends with.
        LibraryReport? Refuse(LibraryState state, string path, string reason)
        {
            Note(path, reason);
            refused ??= End(state, $"{path} cannot be used: {reason}");
            return null;
        }

        void Note(string path, string outcome) => tried.Add(new(path, outcome));

        LibraryReport End(LibraryState state, string origin, nint handle = 0) => new(library, state, handle, origin, IsNamed: false, tried);
    }
}
