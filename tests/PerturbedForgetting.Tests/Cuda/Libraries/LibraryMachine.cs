using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda.Libraries;

namespace PerturbedForgetting.Tests.Cuda.Libraries;

/// <summary>A machine of empty files in a temporary folder, with variables of its own and a loader that loads every file but those
/// it is told not to.</summary>
sealed class LibraryMachine : IDisposable
{
    readonly string root = Directory.CreateTempSubdirectory("libraries").FullName;
    readonly Dictionary<string, string> variables = [];

    public LibraryMachine(OSPlatform? system = null, int driverVersion = 12080, Architecture architecture = Architecture.X64) =>
        Environment = new()
        {
            Variable = variables.GetValueOrDefault,
            System = system ?? OSPlatform.Linux,
            Architecture = architecture,
            Root = root,
            Load = Load,
            DriverVersion = () => driverVersion,
        };

    public LibraryEnvironment Environment { get; }

    /// <summary>What was loaded, in order.</summary>
    public List<string> Loaded { get; } = [];

    /// <summary>What the system's loader finds by name.</summary>
    public HashSet<string> OfTheSystem { get; } = [];

    /// <summary>File names that cannot be loaded.</summary>
    public HashSet<string> Broken { get; } = [];

    /// <summary>A path in the machine.</summary>
    public string At(string path) => Path.Join([root, .. path.Split('/')]);

    /// <summary>Puts files into a folder, and returns the folder.</summary>
    public string Put(string folder, params string[] files)
    {
        Directory.CreateDirectory(At(folder));
        foreach (string file in files)
            File.WriteAllText(Path.Join(At(folder), file), "");
        return At(folder);
    }

    public void Set(string variable, string value) => variables[variable] = value;

    public LibraryReport Open(CudaLibrary library) => LibrarySearch.Open(library, Environment);

    public void Dispose() => Directory.Delete(root, recursive: true);

    (nint, string) Load(string path)
    {
        bool isThere = Path.IsPathRooted(path) ? File.Exists(path) : OfTheSystem.Contains(path);
        if (!isThere || Broken.Contains(Path.GetFileName(path)))
            return (0, "invalid ELF header");
        Loaded.Add(path);
        return (Loaded.Count, "");
    }
}
