using System.Globalization;

namespace PerturbedForgetting.Vision.Datasets.Conversion;

/// <summary>Names for the images of a set that can be names of files: unique, and in their order. Where those that the set gives are not,
/// the number of the image comes before them.</summary>
sealed class ImageNames
{
    const int LongestPart = 100;

    readonly Dataset data;
    readonly bool isNumbered;

    /// <param name="data">The set.</param>
    /// <param name="byClass">Whether images of different classes may have one name, because they lie in different folders.</param>
    public ImageNames(Dataset data, bool byClass)
    {
        this.data = data;
        isNumbered = !AreInOrder(byClass);
    }

    /// <summary>The name of an image, without an ending.</summary>
    public string this[int index]
    {
        get
        {
            string name = Clean(data.ImageName(index));
            return isNumbered ? string.Create(CultureInfo.InvariantCulture, $"{index:D8}-{name.Replace('/', '-')}") : name;
        }
    }

    bool AreInOrder(bool byClass)
    {
        var previous = new Dictionary<int, string>();
        for (int i = 0; i < data.Count; i++)
        {
            // The dot is what comes next in the file's name; where one name begins with the whole other, the endings would decide.
            string name = Clean(data.ImageName(i)) + ".";
            int label = byClass ? data.Label(i) : 0;
            if (previous.TryGetValue(label, out string? before) && (string.CompareOrdinal(before, name) >= 0
                || name.StartsWith(before, StringComparison.Ordinal)))
                return false;
            previous[label] = name;
        }
        return true;
    }

    /// <summary>Takes out of a name whatever leads elsewhere or is no name of a file on some system.</summary>
    static string Clean(string name)
    {
        List<string> parts = [];
        foreach (string part in name.Split('/', '\\'))
        {
            string safe = string.Concat(part.Select(static c => char.IsControl(c) || "<>:\"|?*\uFFFD".Contains(c) ? '_' : c))
                .Trim(' ').TrimEnd('.');
            // A dot in front hides a file.
            safe = safe.StartsWith('.') ? "_" + safe[1..] : safe;
            if (safe.Length > 0)
                parts.Add(safe.Length > LongestPart ? safe[..LongestPart] : safe);
        }
        return parts.Count == 0 ? "image" : string.Join('/', parts);
    }
}
