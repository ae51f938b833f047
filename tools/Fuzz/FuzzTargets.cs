namespace PerturbedForgetting.Fuzz;

/// <summary>The formats that are read, each with its seeds.</summary>
static class FuzzTargets
{
    static readonly (string Name, Func<IReadOnlyList<byte[]>, Random, byte[]> Mutate, Func<FuzzReader> Open)[] Table =
    [
        ("jpeg", ByteMutator.Mutate, static () => new ImageFuzzReader()),
        ("png", Repairs.MutatePng, static () => new ImageFuzzReader()),
        ("gif", ByteMutator.Mutate, static () => new ImageFuzzReader()),
        ("bmp", ByteMutator.Mutate, static () => new ImageFuzzReader()),
        ("tiff", ByteMutator.Mutate, static () => new ImageFuzzReader()),
        ("webp", ByteMutator.Mutate, static () => new ImageFuzzReader()),
        ("pnm", TextMutator.MutateHeader, static () => new ImageFuzzReader()),
        ("safetensors", ByteMutator.Mutate, static () => new SafetensorsFuzzReader()),
        ("state", TextMutator.Mutate, static () => new StateFuzzReader()),
        ("csv", TextMutator.Mutate, static () => new CsvFuzzReader()),
        ("json", TextMutator.Mutate, static () => new OptionsFuzzReader()),
    ];

    /// <summary>Formats of files in which data sets and weights lie. Whatever such a file says, reading it takes no more memory than its
    /// own size allows.</summary>
    static readonly (string Name, Func<IReadOnlyList<byte[]>, Random, byte[]> Mutate, Func<FuzzReader> Open)[] Containers =
    [
        ("tar", Repairs.MutateTar, static () => new TarFuzzReader()),
        ("webdataset", Repairs.MutateTar, static () => new WebDatasetFuzzReader()),
        ("index", ByteMutator.Mutate, static () => new IndexFuzzReader()),
        ("mat", ByteMutator.Mutate, static () => new MatFuzzReader()),
        ("cifar", ByteMutator.Mutate, static () => new CifarFuzzReader()),
        ("parquet", ByteMutator.Mutate, static () => new ParquetFuzzReader()),
        ("tfrecord", Repairs.MutateTfRecord, static () => new TfRecordFuzzReader()),
        ("tfds", TextMutator.Mutate, static () => new TfdsJsonFuzzReader()),
        ("weights", Repairs.MutateWeights, static () => new WeightsFuzzReader()),
        ("split", TextMutator.Mutate, static () => new SplitFuzzReader()),
        ("conversion", TextMutator.Mutate, static () => new ConversionFuzzReader()),
        ("tfrecord-labels", Repairs.MutateTfRecord, static () => new TfRecordLabelsFuzzReader()),
        ("tfrecord-index", TfRecordIndexFuzzReader.Mutate, static () => new TfRecordIndexFuzzReader()),
        ("zip", ByteMutator.Mutate, static () => new ZipFuzzReader()),
        ("real", TextMutator.Mutate, static () => new RealLabelsFuzzReader()),
    ];

    /// <summary>Names of several formats together.</summary>
    public const string AllDecoders = "decoders", AllContainers = "containers";

    /// <summary>All of them, by name.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Table.Select(t => t.Name), .. Containers.Select(t => t.Name)];

    /// <summary>The formats that a name stands for.</summary>
    public static IEnumerable<string> Of(string name) => name switch
    {
        AllDecoders => Table.Select(t => t.Name),
        AllContainers => Containers.Select(t => t.Name),
        _ => [name],
    };

    /// <summary>One of them.</summary>
    /// <exception cref="ArgumentException">There is none of that name.</exception>
    public static FuzzTarget Find(string name)
    {
        bool isContainer = Array.Exists(Containers, t => t.Name == name);
        var found = (isContainer ? Containers : Table).FirstOrDefault(t => t.Name == name);
        if (found.Name is null)
            throw new ArgumentException($"there is no format '{name}'; there are {string.Join(", ", Names)}");
        string folder = Path.Combine(AppContext.BaseDirectory, "Seeds", name);
        byte[][] seeds = [.. Directory.GetFiles(folder).Order(StringComparer.Ordinal).Select(File.ReadAllBytes)];
        return new FuzzTarget(name, seeds, found.Mutate, found.Open) { IsContainer = isContainer };
    }
}
