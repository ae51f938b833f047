using System.Globalization;
using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Vision.Datasets;

/// <summary>Reads a file that lists classes.</summary>
public static class ClassMap
{
    /// <summary>Reads names, one a line, whose index is their place or follows them behind a comma or a tab. Empty lines are
    /// passed over.</summary>
    /// <exception cref="DatasetException">The file cannot be read, or a line is wrong; the message names file and line.</exception>
    public static ClassList Read(string path)
    {
        var names = new SortedDictionary<int, string>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        string[] lines = TextFile.ReadLines(path, $"`{nameof(DatasetOptions.ClassMapFile)}`");
        for (int i = 0; i < lines.Length; i++)
        {
            string line = lines[i].Trim();
            if (line.Length == 0)
                continue;
            int index = names.Count, separator = line.LastIndexOfAny([',', '\t']);
            if (separator >= 0 && int.TryParse(line.AsSpan(separator + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int given))
                (index, line) = (given, line[..separator].Trim());
            if (!names.TryAdd(index, line))
                throw new DatasetException($"{path}, line {i + 1}: class number {index} is given to '{line}' and to '{names[index]}'");
            if (!seen.Add(line))
                throw new DatasetException($"{path}, line {i + 1}: class '{line}' is listed twice");
        }
        if (names.Count == 0)
            throw new DatasetException($"{path} lists no class; write one name a line");
        int highest = names.Keys.Last();
        if (highest != names.Count - 1)
            throw new DatasetException($"{path}: {Quantity.Of(names.Count, "class is", "classes are")} numbered up to {highest}; "
                + "number them from 0 without gaps");
        return new ClassList(names.Values);
    }
}
