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
        ("weights", Repairs.MutateWeights, static () => new WeightsFuzzReader()),
        ("state", TextMutator.Mutate, static () => new StateFuzzReader()),
        ("csv", TextMutator.Mutate, static () => new CsvFuzzReader()),
        ("json", TextMutator.Mutate, static () => new OptionsFuzzReader()),
    ];

    /// <summary>All of them, by name.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Table.Select(t => t.Name)];

    /// <summary>One of them.</summary>
    /// <exception cref="ArgumentException">There is none of that name.</exception>
    public static FuzzTarget Find(string name)
    {
        var found = Table.FirstOrDefault(t => t.Name == name);
        if (found.Name is null)
            throw new ArgumentException($"there is no format '{name}'; there are {string.Join(", ", Names)}");
        string folder = Path.Combine(AppContext.BaseDirectory, "Seeds", name);
        byte[][] seeds = [.. Directory.GetFiles(folder).Order(StringComparer.Ordinal).Select(File.ReadAllBytes)];
        return new FuzzTarget(name, seeds, found.Mutate, found.Open);
    }
}
