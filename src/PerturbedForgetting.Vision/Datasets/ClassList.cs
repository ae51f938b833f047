using System.Security.Cryptography;
using System.Text;
using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Vision.Datasets;

/// <summary>The classes of a data set: a class's index is the label that its images have.</summary>
public sealed class ClassList
{
    readonly Dictionary<string, int> indices = new(StringComparer.Ordinal);

    /// <summary>Creates the list; the names' order gives the indices.</summary>
    /// <exception cref="DatasetException">A name occurs twice.</exception>
    public ClassList(IEnumerable<string> names)
    {
        Names = [.. names];
        for (int i = 0; i < Names.Count; i++)
        {
            if (!indices.TryAdd(Names[i], i))
                throw new DatasetException(
                    $"class '{Names[i]}' is listed twice, as number {indices[Names[i]]} and {i}; give each class one name");
        }
    }

    /// <summary>Names by index.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>How many classes there are.</summary>
    public int Count => Names.Count;

    /// <summary>The first 16 hexadecimal digits of the SHA-256 of all names in order: equal hashes mean equal labels.</summary>
    public string Hash => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', Names))).AsSpan(0, 8));

    /// <summary>The index of a class, or -1. Names are compared character by character.</summary>
    public int IndexOf(string name) => indices.GetValueOrDefault(name, -1);

    /// <summary>Whether both lists give every class the same index.</summary>
    public bool SameAs(ClassList other) => Names.SequenceEqual(other.Names, StringComparer.Ordinal);

    /// <summary>Says in a sentence how <paramref name="found"/> differs from this list, or null where it does not.</summary>
    public string? DescribeDifference(ClassList found)
    {
        if (SameAs(found))
            return null;
        for (int i = 0; i < Math.Min(Count, found.Count); i++)
        {
            if (Names[i] != found.Names[i])
                return $"class names differ from the model's: number {i} is '{found.Names[i]}' here and '{Names[i]}' there (hash "
                    + $"{found.Hash}, not {Hash})";
        }
        return $"class names differ from the model's: {Quantity.Of(found.Count, "class", "classes")} here and {Count} there "
            + $"(hash {found.Hash}, not {Hash})";
    }
}
