using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Vision.Models;

/// <summary>What <see cref="Pretrained.Load(ImageModel, string, Transforms.Interpolation?, string?)"/> did.</summary>
/// <param name="Loaded">Entries of the model that were read from the file.</param>
/// <param name="Skipped">Entries that kept their initial values: a head of another number of classes, or one that the file has not.</param>
/// <param name="Resized">What was resized, in words; null when nothing was.</param>
public sealed record PretrainedReport(IReadOnlyList<string> Loaded, IReadOnlyList<string> Skipped, string? Resized)
{
    const int MostOfAGroup = 3, MostDepth = 2;

    /// <summary>The file's format, in words.</summary>
    public required string Format { get; init; }

    /// <summary>Why entries were <see cref="Skipped"/>, in words; null when none were.</summary>
    public string? SkippedBecause { get; init; }

    /// <summary>Tensors of the file that were not loaded, by their names there.</summary>
    public required IReadOnlyList<string> LeftOut { get; init; }

    /// <summary>What else a person should know: which of several networks was taken, what else the file holds.</summary>
    public required IReadOnlyList<string> Notes { get; init; }

    /// <summary>The report in words, one statement after the other.</summary>
    public IEnumerable<string> Statements
    {
        get
        {
            yield return $"{Format}, {Quantity.Of(Loaded.Count, "tensor")} loaded";
            if (Resized is not null)
                yield return Resized;
            if (Skipped.Count > 0)
                yield return $"{SkippedBecause}, so these keep their initial values: {string.Join(", ", Skipped)}";
            if (LeftOut.Count > 0)
                yield return $"not loaded: {string.Join(", ", Grouped(LeftOut, 0))}";
            foreach (string note in Notes)
                yield return note;
        }
    }

    /// <summary>Names, with one entry for many that begin alike.</summary>
    /// <param name="names">Names that are the same up to <paramref name="depth"/>.</param>
    /// <param name="depth">Parts of them, between dots or slashes.</param>
    static IEnumerable<string> Grouped(IEnumerable<string> names, int depth)
    {
        foreach (var group in names.GroupBy(n => n.Split('.', '/').Take(depth + 1).LastOrDefault() ?? n, StringComparer.Ordinal))
        {
            string[] parts = group.First().Split('.', '/');
            if (group.Count() <= MostOfAGroup)
            {
                foreach (string name in group)
                    yield return name;
            }
            // Numbers count layers, which need not be told apart.
            else if (depth < MostDepth
                && group.All(n => n.Split('.', '/') is { } p && p.Length > depth + 2 && !char.IsDigit(p[depth + 1][0])))
            {
                foreach (string name in Grouped(group, depth + 1))
                    yield return name;
            }
            else
                yield return $"{string.Join('.', parts.Take(depth + 1))}… ({Quantity.Of(group.Count(), "tensor")})";
        }
    }
}
