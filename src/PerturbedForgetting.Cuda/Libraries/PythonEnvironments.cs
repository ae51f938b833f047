namespace PerturbedForgetting.Cuda.Libraries;

/// <summary>Where Python keeps packages: NVIDIA's wheels bring cuBLAS and cuDNN.</summary>
static class PythonEnvironments
{
    /// <summary>The <c>site-packages</c> folders that are there: of the active environment, of the user, of the Python on the path,
    /// of the system.</summary>
    public static IEnumerable<string> SitePackages(LibraryEnvironment environment) =>
        (environment.IsWindows ? Windows(environment) : Linux(environment)).Where(Directory.Exists).Distinct();

    static IEnumerable<string> Linux(LibraryEnvironment environment)
    {
        IEnumerable<string?> prefixes =
            [environment.Folder("VIRTUAL_ENV"), environment.Folder("CONDA_PREFIX"), environment.Folder("HOME", ".local"),
                .. OnPath(environment),
                environment.SystemFolder("usr/local"), environment.SystemFolder("usr")];
        foreach (string library in prefixes.OfType<string>()
            .SelectMany(prefix => new[] { Path.Join(prefix, "lib"), Path.Join(prefix, "lib64") }))
        {
            foreach (string python in LibraryEnvironment.Below(library, "python3"))
            {
                yield return Path.Join(python, "site-packages");
                yield return Path.Join(python, "dist-packages");
            }
        }
    }

    static IEnumerable<string> Windows(LibraryEnvironment environment)
    {
        IEnumerable<string?> prefixes =
            [environment.Folder("VIRTUAL_ENV"), environment.Folder("CONDA_PREFIX"),
                .. LibraryEnvironment.Below(environment.Folder("APPDATA", "Python"), "Python3"), .. OnPath(environment),
                .. LibraryEnvironment.Below(environment.Folder("LOCALAPPDATA", "Programs", "Python"), "Python3")];
        foreach (string prefix in prefixes.OfType<string>())
        {
            yield return Path.Join(prefix, "Lib", "site-packages");
            yield return Path.Join(prefix, "site-packages");
        }
    }

    // A Python that was not activated by variables is found by its program. That of /bin is that of /usr/bin.
    static IEnumerable<string?> OnPath(LibraryEnvironment environment)
    {
        if (environment.IsWindows)
            return environment.Folders("PATH").Where(folder => File.Exists(Path.Join(folder, "python.exe")));
        return environment.Folders("PATH").Where(folder => File.Exists(Path.Join(folder, "python3")))
            .Select(folder => Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(folder)))
            .Where(prefix => prefix is not null && prefix != Path.GetPathRoot(prefix));
    }
}
