using System.Text.RegularExpressions;

namespace PerturbedForgetting.Vision.Datasets.Tfds;

/// <summary>The name of a set of TFDS: <c>tfds/NAME[/CONFIG][:VERSION]</c>, and the folder of a prepared set.</summary>
/// <param name="Name">Name of the set.</param>
/// <param name="Config">Which of its variants.</param>
/// <param name="Version">Which version, with <c>*</c> for any number.</param>
sealed partial record TfdsFolder(string Name, string? Config, string? Version)
{
    /// <summary>What a data set's name begins with that is one of TFDS.</summary>
    public const string Prefix = "tfds/";

    /// <summary>Names of sets to suggest; any other is taken too.</summary>
    public static readonly IReadOnlyList<string> Known =
    [
        .. new[] { "imagenet2012", "imagenet2012_real", "imagenet_v2", "imagenet_r", "imagenet_sketch", "imagenet_a", "cifar10",
            "cifar100" }
            .Select(static n => Prefix + n),
    ];

    /// <summary>Sets whose first variant is what TFDS takes where none is named.</summary>
    static readonly IReadOnlyDictionary<string, string> FirstConfigs = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["imagenet_v2"] = "matched-frequency",
        ["imagenet2012_subset"] = "1pct",
        ["imagenette"] = "full-size",
        ["imagewang"] = "full-size",
        ["cifar10_corrupted"] = "brightness_1",
        ["imagenet2012_corrupted"] = "gaussian_noise_1",
    };

    /// <summary>Reads a name.</summary>
    /// <exception cref="DatasetException">It is wrong.</exception>
    public static TfdsFolder Parse(string dataset)
    {
        Match match = NameForm().Match(dataset);
        return match.Success && match.Groups["config"].Value is not ("." or "..")
            ? new TfdsFolder(match.Groups["name"].Value, Given("config"), Given("version"))
            : throw new DatasetException($"`{nameof(dataset)}` {dataset} is no name of a TFDS set; write tfds/NAME, tfds/NAME/CONFIG or "
                + "tfds/NAME:1.2.3", wrongOption: true);

        string? Given(string group) => match.Groups[group].Success ? match.Groups[group].Value : null;
    }

    /// <summary>Finds the folder of the version: in <paramref name="dataDir"/> as TFDS's <c>data_dir</c>, or as the folder of the set, of
    /// its variant or of the version itself.</summary>
    /// <param name="dataDir">The folder that was given.</param>
    /// <param name="notes">Receives a sentence where something was chosen.</param>
    /// <exception cref="DatasetException">There is none; the message tells what there is.</exception>
    public string Find(string dataDir, List<string> notes)
    {
        if (!Directory.Exists(dataDir))
            throw new DatasetException($"`{nameof(dataDir)}`: there is no folder {dataDir}", wrongOption: true);
        try
        {
            string folder = Path.Combine(dataDir, Name);
            return Directory.Exists(folder) ? FindConfig(folder, notes)
                : IsPrepared(dataDir) ? dataDir
                : Versions(dataDir).Count > 0 ? FindVersion(dataDir)
                : Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(dataDir))) == Name ? FindConfig(dataDir, notes)
                : throw Missing(dataDir, $"there is no folder {Name} in {dataDir}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DatasetException($"{dataDir} cannot be read: {e.Message}");
        }
    }

    string FindConfig(string folder, List<string> notes)
    {
        if (Config is not null)
        {
            string chosen = Path.Combine(folder, Config);
            return Directory.Exists(chosen) ? FindVersion(chosen) : throw Missing(folder, $"there is no variant {Config} in {folder}");
        }
        if (Versions(folder).Count > 0 || IsPrepared(folder))
            return IsPrepared(folder) ? folder : FindVersion(folder);
        List<string> configs = FolderScan.SubFolders(folder).FindAll(c => Versions(Path.Combine(folder, c)).Count > 0);
        string? first = FirstConfigs.GetValueOrDefault(Name);
        string? config = first is not null && configs.Contains(first) ? first : configs is [var only] ? only : null;
        if (config is null)
        {
            throw configs.Count == 0 ? Missing(folder, $"{folder} holds no version")
                : new DatasetException($"{folder} holds several variants: {string.Join(", ", configs)}; name one: tfds/{Name}/{configs[0]}",
                    wrongOption: true);
        }
        notes.Add($"no variant of {Name} was named; '{config}' is used");
        return FindVersion(Path.Combine(folder, config));
    }

    string FindVersion(string folder)
    {
        List<Version> versions = Versions(folder);
        Version? found = versions.Where(Fits).Max();
        return found is not null ? Path.Combine(folder, found.ToString())
            : versions.Count == 0 ? throw Missing(folder, $"{folder} holds no version")
            : throw new DatasetException($"{folder} has no version {Version}; it has {string.Join(", ", versions)}", wrongOption: true);
    }

    bool Fits(Version version)
    {
        if (Version is null)
            return true;
        string[] wanted = Version.Split('.'), has = version.ToString().Split('.');
        return wanted.Zip(has).All(static p => p.First == "*" || p.First == p.Second);
    }

    DatasetException Missing(string folder, string what)
    {
        string found = string.Join(", ", FolderScan.SubFolders(folder).Take(8));
        return new DatasetException($"{Prefix}{Name}: {what}{(found.Length > 0 ? $" (it has {found})" : "")}; `dataDir` is the folder that "
            + $"TFDS prepared sets in, as NAME/VERSION/{TfdsInfo.InfoFile} or NAME/CONFIG/VERSION/{TfdsInfo.InfoFile}", wrongOption: true);
    }

    static List<Version> Versions(string folder) => [.. FolderScan.SubFolders(folder).Where(n => VersionForm().IsMatch(n))
        .Where(n => IsPrepared(Path.Combine(folder, n))).Select(n => System.Version.Parse(n)).Order()];

    static bool IsPrepared(string folder) => File.Exists(Path.Combine(folder, TfdsInfo.InfoFile));

    [GeneratedRegex(@"^tfds/(?<name>[A-Za-z]\w*)(?:/(?<config>[\w+.-]+))?(?::(?<version>(?:[0-9]{1,9}|\*)(?:\.(?:[0-9]{1,9}|\*)){2}))?$",
        RegexOptions.CultureInvariant)]
    private static partial Regex NameForm();

    [GeneratedRegex(@"^(?:0|[1-9][0-9]{0,8})\.(?:0|[1-9][0-9]{0,8})\.(?:0|[1-9][0-9]{0,8})$", RegexOptions.CultureInvariant)]
    private static partial Regex VersionForm();
}
