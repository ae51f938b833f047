using System.Runtime.InteropServices;

namespace PerturbedForgetting.Cuda.Libraries;

/// <summary>The folders in which a library may lie, in the order in which they are searched.</summary>
static class LibraryPlaces
{
    const string Stubs = "stubs";

    /// <summary>The folders, each once; null stands for the system's own loader.</summary>
    public static IEnumerable<string?> Of(CudaLibrary library, LibraryEnvironment environment)
    {
        IEnumerable<string?> places = library == CudaLibrary.Driver ? Driver(environment) : Others(library, environment);
        // A null entry is a place of its own.
        return places.Distinct();
    }

    /// <summary>Whether a folder holds the stand-ins that a program is linked with and that fail at run time.</summary>
    public static bool IsStubs(string folder) => Path.GetFileName(Path.TrimEndingDirectorySeparator(folder)) == Stubs;

    // The driver belongs to the system; a Python environment has none.
    static IEnumerable<string?> Driver(LibraryEnvironment environment)
    {
        yield return null;
        if (environment.IsWindows)
            yield break;
        yield return environment.SystemFolder("usr/lib/wsl/lib");
        yield return environment.SystemFolder("run/opengl-driver/lib");
    }

    static IEnumerable<string?> Others(CudaLibrary library, LibraryEnvironment environment)
    {
        foreach (string folder in Given(library, environment))
            yield return folder;
        foreach (string packages in PythonEnvironments.SitePackages(environment))
        {
            foreach (string folder in Wheels(library, packages, environment))
                yield return folder;
        }
        if (environment.Folder("CONDA_PREFIX", environment.IsWindows ? ["Library", "bin"] : ["lib"]) is { } conda)
            yield return conda;
        // The parts of cuDNN must come from one folder, which the loader would not tell; its folders are looked at instead.
        if (library != CudaLibrary.Cudnn)
            yield return null;
        foreach (string folder in environment.IsWindows ? Windows(environment) : Linux(environment))
            yield return folder;
    }

    static IEnumerable<string> Given(CudaLibrary library, LibraryEnvironment environment)
    {
        // Of cuBLAS and its other half two different versions must not meet.
        if (library == CudaLibrary.CublasLt && environment.Folder(EnvironmentVariables.Cublas.Name) is { } cublas
            && Path.GetDirectoryName(cublas) is { Length: > 0 } beside)
            yield return beside;
        if (environment.Folder(EnvironmentVariables.CudaLibraries.Name) is not { } given)
            yield break;
        yield return given;
        foreach (string folder in Wheels(library, given, environment))
            yield return folder;
    }

    static IEnumerable<string> Wheels(CudaLibrary library, string packages, LibraryEnvironment environment) =>
        LibraryNames.WheelFolders(library, environment.IsWindows).Select(folder => Path.Join([packages, .. folder]));

    static IEnumerable<string> Linux(LibraryEnvironment environment)
    {
        bool arm = environment.Architecture == Architecture.Arm64;
        string[] triples = arm ? ["sbsa-linux", "aarch64-linux"] : ["x86_64-linux"];
        string multiarch = arm ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
        IEnumerable<string?> toolkits =
            [environment.Folder("CUDA_PATH"), environment.Folder("CUDA_HOME"), environment.SystemFolder("usr/local/cuda"),
                .. LibraryEnvironment.Below(environment.SystemFolder("usr/local"), "cuda-"), environment.SystemFolder("opt/cuda")];
        return
        [
            .. environment.Folders("LD_LIBRARY_PATH"),
            .. toolkits.OfType<string>().SelectMany(toolkit =>
                triples.Select(triple => Path.Join(toolkit, "targets", triple, "lib")).Prepend(Path.Join(toolkit, "lib"))
                .Prepend(Path.Join(toolkit, "lib64"))),
            environment.SystemFolder("usr/lib/" + multiarch),
            environment.SystemFolder("usr/lib64"),
            environment.SystemFolder("usr/lib"),
            environment.SystemFolder("usr/local/lib"),
        ];
    }

    static IEnumerable<string> Windows(LibraryEnvironment environment)
    {
        string? nvidia = environment.Folder("ProgramFiles", "NVIDIA", "CUDNN");
        IEnumerable<string?> toolkits =
            [environment.Folder("CUDA_PATH"), environment.Folder("CUDA_HOME"),
                .. LibraryEnvironment.Below(environment.Folder("ProgramFiles", "NVIDIA GPU Computing Toolkit", "CUDA"), "v")];
        return
        [
            .. environment.Folders("PATH"),
            .. toolkits.OfType<string>().SelectMany(toolkit => new[] { Path.Join(toolkit, "bin", "x64"), Path.Join(toolkit, "bin") }),
            // cuDNN's installer makes a folder for each version, with one for each CUDA version in it.
            .. LibraryEnvironment.Below(nvidia, "v").Select(version => Path.Join(version, "bin"))
                .SelectMany(folder => LibraryEnvironment.Below(folder, "").SelectMany(cuda => new[] { Path.Join(cuda, "x64"), cuda })
                    .Append(folder)),
        ];
    }
}
