using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda.Driver;

namespace PerturbedForgetting.Cuda.Libraries;

/// <summary>What a search sees of the machine.</summary>
sealed record LibraryEnvironment
{
    /// <summary>The machine this runs on.</summary>
    public static LibraryEnvironment Machine { get; } = new()
    {
        Variable = Environment.GetEnvironmentVariable,
        System = OperatingSystem.IsWindows() ? OSPlatform.Windows : OperatingSystem.IsLinux() ? OSPlatform.Linux : OSPlatform.OSX,
        Architecture = RuntimeInformation.ProcessArchitecture,
        Root = "/",
        Load = LoadLibrary,
        DriverVersion = CudaDriverApi.InstalledVersion,
    };

    /// <summary>An environment variable; null or empty when it is not set.</summary>
    public required Func<string, string?> Variable { get; init; }

    /// <summary>Linux, Windows, or another system, for which NVIDIA has no libraries.</summary>
    public required OSPlatform System { get; init; }

    /// <summary>The processor.</summary>
    public required Architecture Architecture { get; init; }

    /// <summary>Where the folders of a Linux system begin.</summary>
    public required string Root { get; init; }

    /// <summary>Loads a library by its path, or by its name through the system's loader: its handle, or 0 and why not.</summary>
    public required Func<string, (nint Handle, string Problem)> Load { get; init; }

    /// <summary>CUDA version of the driver, 1000·major + 10·minor; 0 when there is none. Not asked while the driver is looked
    /// for.</summary>
    public required Func<int> DriverVersion { get; init; }

    /// <summary>Whether names are those of Windows.</summary>
    public bool IsWindows => System == OSPlatform.Windows;

    /// <summary>Whether NVIDIA has libraries for the system.</summary>
    public bool IsKnown => IsWindows || System == OSPlatform.Linux;

    /// <summary>A folder named by a variable; null when the variable is not set.</summary>
    public string? Folder(string variable, params ReadOnlySpan<string> below)
    {
        string? folder = Variable(variable);
        return string.IsNullOrEmpty(folder) ? null : Path.Join([folder, .. below]);
    }

    /// <summary>The folders of a variable that lists several: <c>PATH</c>.</summary>
    public IEnumerable<string> Folders(string variable) =>
        (Variable(variable) ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    /// <summary>A folder of a Linux system, from its root.</summary>
    public string SystemFolder(string path) => Path.Join([Root, .. path.Split('/')]);

    /// <summary>Folders in a folder whose names begin so, the highest version first; none when it is not there or not readable.</summary>
    public static IReadOnlyList<string> Below(string? folder, string beginning)
    {
        if (folder is null || !Directory.Exists(folder))
            return [];
        try
        {
            return [.. Directory.EnumerateDirectories(folder, beginning + "*").OrderDescending(NaturalOrder)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    // python3.12 comes after python3.9.
    static readonly Comparer<string> NaturalOrder = Comparer<string>.Create(static (a, b) =>
        a.Length != b.Length && Stem(a).SequenceEqual(Stem(b)) ? a.Length.CompareTo(b.Length) : string.CompareOrdinal(a, b));

    static ReadOnlySpan<char> Stem(string path) => path.AsSpan().TrimEnd("0123456789");

    static (nint Handle, string Problem) LoadLibrary(string path)
    {
        try
        {
            return (NativeLibrary.Load(path), "");
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            // The runtime gives general advice first and the loader's own words last.
            return (0, e.Message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)[^1]);
        }
    }
}
