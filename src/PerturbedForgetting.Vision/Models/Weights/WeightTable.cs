using System.Text.RegularExpressions;
using PerturbedForgetting.Tensors.Serialization;

namespace PerturbedForgetting.Vision.Models.Weights;

/// <summary>Tensors of a file on their way to the names that models here have. What is taken is gone from the table, so that what stays is
/// what was not understood.</summary>
/// <param name="file">The file.</param>
sealed class WeightTable(WeightsFile file)
{
    readonly Dictionary<string, WeightsEntry> entries = new(StringComparer.Ordinal);

    /// <summary>The names that are left.</summary>
    public IReadOnlyCollection<string> Names => entries.Keys;

    /// <summary>Path of the file.</summary>
    public string Path => file.Path;

    /// <summary>Adds a tensor of the file under a name without prefix; false when the name is taken.</summary>
    public bool TryAdd(string name, WeightsEntry entry) => entries.TryAdd(name, entry);

    /// <summary>Adds a tensor.</summary>
    /// <exception cref="PretrainedException">The name is taken.</exception>
    public void Add(string name, WeightsEntry entry)
    {
        if (!entries.TryAdd(name, entry))
            throw new PretrainedException(Path, $"'{entries[name].Name}' and '{entry.Name}' both stand for '{name}'; keep one of them.");
    }

    /// <summary>The tensor of a name; null when there is none.</summary>
    public WeightsEntry? Find(string name) => entries.GetValueOrDefault(name);

    /// <summary>Takes the tensor of a name out; null when there is none.</summary>
    public WeightsEntry? Take(string name)
    {
        entries.Remove(name, out WeightsEntry? entry);
        return entry;
    }

    /// <summary>Replaces what matches a pattern in names.</summary>
    public void Rename(Regex pattern, string replacement)
    {
        foreach (string name in entries.Keys.ToList())
        {
            if (!pattern.IsMatch(name))
                continue;
            WeightsEntry entry = Take(name)!;
            Add(pattern.Replace(name, replacement), entry);
        }
    }

    /// <summary>Gives one name another form, where there is such a tensor.</summary>
    public void Rename(string name, string to)
    {
        if (Take(name) is { } entry)
            Add(to, entry);
    }

    /// <summary>Puts a tensor with the same items in another order or shape in the place of one.</summary>
    /// <param name="name">The tensor, if there is one.</param>
    /// <param name="to">Its new name.</param>
    /// <param name="shape">Its new shape.</param>
    /// <param name="order">Makes the items from those of the file; null leaves them.</param>
    public void Reorder(string name, string to, long[] shape, Func<float[], float[]>? order = null)
    {
        if (Take(name) is { } entry)
            Add(to, new ComposedEntry(Path, entry.Name, shape, () => order is null ? Values(entry) : order(Values(entry))));
    }

    /// <summary>All values of a tensor.</summary>
    public static float[] Values(WeightsEntry entry)
    {
        float[] values = new float[entry.Count];
        entry.ReadFloat32(values);
        return values;
    }

    /// <summary>Values of a matrix with rows and columns exchanged.</summary>
    public static float[] Transposed(float[] values, long rows)
    {
        if (values.Length == 0)
            return values;
        int height = (int)rows, width = values.Length / height;
        float[] result = new float[values.Length];
        for (int row = 0; row < height; row++)
            for (int column = 0; column < width; column++)
                result[column * height + row] = values[row * width + column];
        return result;
    }
}
