using PerturbedForgetting.Tensors.Serialization;

namespace PerturbedForgetting.Vision.Models.Weights;

/// <summary>
/// The tensors of a file by the names that models here have: prefixes of wrappers removed, one of several networks chosen, names and
/// layouts of other libraries translated.
/// </summary>
sealed class NamedWeights
{
    /// <summary>What wrappers put before names: data parallel, Lightning, compiled modules.</summary>
    static readonly string[] Wrappers = ["module.", "model.", "_orig_mod.", "net.", "network.", "_forward_module.", "state_dict."];

    /// <summary>Of several networks in one file, averaged ones first, then the one that was trained by gradients.</summary>
    static readonly string[] Preferred = ["ema", "teacher", "target", "encoder_q", "base_encoder", "online", "student"];

    /// <summary>Other names of the last layer.</summary>
    static readonly string[] Heads = ["head", "fc", "classifier", "heads.head", "head.fc", "classifier.1", "last_linear", "linear"];

    const int MostNetworks = 20;

    readonly WeightTable table;
    readonly List<string> leftOut = [], notes = [];

    NamedWeights(WeightsFile file)
    {
        File = file;
        table = new(file);
        foreach (string full in file.Names)
            table.Add(Unwrapped(full), file.Entry(full));
        foreach (WeightNaming naming in WeightNaming.All)
        {
            List<string> prefixes = Prefixes(naming.Anchor);
            if (prefixes.Count == 0)
                continue;
            Naming = naming;
            Narrow(Choose(prefixes), prefixes);
            naming.Translate(table, leftOut);
            NameHead();
            break;
        }
    }

    /// <summary>The file.</summary>
    public WeightsFile File { get; }

    /// <summary>Whose names the file has; null where they are nobody's that is known.</summary>
    public WeightNaming? Naming { get; }

    /// <summary>The tensors by the models' names.</summary>
    public WeightTable Table => table;

    /// <summary>Names in the file of what is of no use to a classifier.</summary>
    public List<string> LeftOut => leftOut;

    /// <summary>What a person should know.</summary>
    public IReadOnlyList<string> Notes => [.. File.Notes, .. notes];

    /// <summary>Rows of the last layer; null where the file has none.</summary>
    public int? Classes
    {
        get
        {
            foreach (string name in (ReadOnlySpan<string>)["fc.weight", "head.weight"])
                if (table.Find(name) is { Shape: [> 0 and < int.MaxValue and var rows, _] })
                    return (int)rows;
            return null;
        }
    }

    /// <summary>Names the tensors of a file.</summary>
    /// <exception cref="PretrainedException">Two tensors have one name, or the file's network cannot be put into a model here.</exception>
    public static NamedWeights Of(WeightsFile file) => new(file);

    static string Unwrapped(string name)
    {
        while (Array.Find(Wrappers, p => name.StartsWith(p, StringComparison.Ordinal)) is { } prefix)
            name = name[prefix.Length..];
        return name;
    }

    List<string> Prefixes(string anchor)
    {
        var prefixes = new List<string>();
        foreach (string name in table.Names)
            if (name.EndsWith(anchor, StringComparison.Ordinal)
                && (name.Length == anchor.Length || name[^(anchor.Length + 1)] is '.' or '/'))
                prefixes.Add(name[..^anchor.Length]);
        return prefixes;
    }

    string Choose(List<string> prefixes)
    {
        if (prefixes.Count == 1)
            return prefixes[0];
        if (prefixes.Count > MostNetworks)
            throw new PretrainedException(File.Path, $"it holds {prefixes.Count} networks; save the one that is wanted alone.");
        // Parameters of JAX precede what its optimizer keeps for each of them.
        string chosen = prefixes.Find(static p => p is "params/" or "opt/target/")
            ?? Preferred.Select(word => prefixes.Find(p => p.Split('.', '/').Any(part => part.StartsWith(word, StringComparison.Ordinal)
                || part.EndsWith(word, StringComparison.Ordinal)))).FirstOrDefault(static p => p is not null)
            ?? prefixes.MinBy(static p => p.Length)!;
        notes.Add($"of the networks in the file, the one under '{(chosen.Length == 0 ? "no prefix" : chosen.TrimEnd('.', '/'))}' is taken; "
            + $"there is also {string.Join(", ", prefixes.Where(p => p != chosen).Select(static p => $"'{p.TrimEnd('.', '/')}'"))}");
        return chosen;
    }

    /// <summary>Keeps what lies under a prefix, and a last layer beside it.</summary>
    void Narrow(string prefix, List<string> prefixes)
    {
        if (prefix.Length == 0 && prefixes.Count == 1)
            return;
        var inside = new List<(string, WeightsEntry)>();
        foreach (string name in table.Names.ToList())
        {
            bool other = prefixes.Exists(p => p.Length > prefix.Length && name.StartsWith(p, StringComparison.Ordinal));
            if (!other && name.StartsWith(prefix, StringComparison.Ordinal))
                inside.Add((name[prefix.Length..], table.Take(name)!));
            else if (other || !Heads.Any(h => name == $"{h}.weight" || name == $"{h}.bias"))
                leftOut.Add(table.Take(name)!.Name);
        }
        foreach ((string name, WeightsEntry entry) in inside)
        {
            // A last layer in the network itself precedes one beside it.
            if (!table.TryAdd(name, entry))
            {
                leftOut.Add(table.Take(name)!.Name);
                table.Add(name, entry);
            }
        }
    }

    /// <summary>Gives the last layer the name that the family has.</summary>
    void NameHead()
    {
        string own = Naming!.IsTransformer ? "head" : "fc";
        if (table.Find($"{own}.weight") is not null)
            return;
        foreach (string head in Heads)
        {
            if (table.Find($"{head}.weight") is not { } weight || table.Find($"{head}.bias") is null)
                continue;
            if (weight.Shape is [var rows, var columns, 1, 1])
                table.Reorder($"{head}.weight", $"{own}.weight", [rows, columns]);
            else
                table.Rename($"{head}.weight", $"{own}.weight");
            table.Rename($"{head}.bias", $"{own}.bias");
            return;
        }
    }
}
