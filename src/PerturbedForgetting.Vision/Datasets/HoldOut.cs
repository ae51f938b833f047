using System.Globalization;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Random;

namespace PerturbedForgetting.Vision.Datasets;

/// <summary>Keeps training and validation apart: holds out a share of a set that has no validation images, and finds images that two sets
/// have in common.</summary>
public static class HoldOut
{
    /// <summary>Divides a set. Every class gives its share, rounded so that together they make the share of the whole (by largest
    /// remainder); which images, depends on the seed, the class and the number of its images alone.</summary>
    /// <param name="whole">The set. It is closed with the training part.</param>
    /// <param name="share">Share of the images that are held out, above 0 and below 1.</param>
    /// <param name="seed">Chooses the images.</param>
    /// <returns>The images that stay, and those held out; both in the order of the whole.</returns>
    /// <exception cref="DatasetException">One of the parts would have no image.</exception>
    public static (Dataset Training, Dataset Validation) Split(Dataset whole, double share, ulong seed)
    {
        if (share is not (> 0 and < 1))
            throw new ArgumentOutOfRangeException(nameof(share), share, "A share is above 0 and below 1.");
        SortedDictionary<int, List<int>> classes = ByClass(whole);
        Dictionary<int, int> counts = Counts(classes, share, whole.Count);
        int held = counts.Values.Sum();
        if (held == 0 || held == whole.Count)
            throw new DatasetException($"{whole.Name} has {Quantity.Of(whole.Count, "image")}, of which `valShare` "
                + string.Create(CultureInfo.InvariantCulture, $"{share} holds out {(held == 0 ? "none" : "all")}; use another share"),
                wrongOption: true);
        bool[] isHeld = new bool[whole.Count];
        foreach ((int label, List<int> images) in classes)
            Draw(images, counts[label], new RandomSequence(seed, Streams.HoldOut | (uint)label), isHeld);

        string chosen = string.Create(CultureInfo.InvariantCulture,
            $"{held} of the {whole.Count} images of {whole.Name} are held out for validation (share {share}, seed {seed})");
        int without = counts.Values.Count(c => c == 0);
        IEnumerable<string> notes = without == 0
            ? []
            : [$"{Quantity.Of(without, "class has", "classes have")} too few images in {whole.Name} "
            + "for the share that is held out: none of them is validated on"];
        return (Part(whole, isHeld, false, $"{whole.Name} without those held out", [.. whole.Notes, chosen, .. notes]),
            Part(whole, isHeld, true, $"{whole.Name}, those held out", []));
    }

    /// <summary>Says how many images two sets have in common, or null where they have none. An image counts as the same where it lies at
    /// the same place; copies are not found.</summary>
    public static string? DescribeOverlap(Dataset training, Dataset validation)
    {
        var validated = new HashSet<string>(validation.Count, StringComparer.Ordinal);
        for (int i = 0; i < validation.Count; i++)
            validated.Add(validation.Identity(i));
        int common = 0;
        for (int i = 0; i < training.Count; i++)
            common += validated.Contains(training.Identity(i)) ? 1 : 0;
        return common == 0 ? null
            : $"{common} of the {Quantity.Of(validation.Count, "image")} of {validation.Name} to validate on "
                + $"{(common == 1 ? "is" : "are")} trained on too: the accuracy will not tell how the model does on new images";
    }

    static Dataset Part(Dataset whole, bool[] isHeld, bool held, string name, IEnumerable<string> notes) => new SubsetDataset(
        whole, [.. Enumerable.Range(0, whole.Count).Where(i => isHeld[i] == held)], name, notes, ownsWhole: !held);

    static SortedDictionary<int, List<int>> ByClass(Dataset whole)
    {
        var classes = new SortedDictionary<int, List<int>>();
        for (int i = 0; i < whole.Count; i++)
        {
            if (!classes.TryGetValue(whole.Label(i), out List<int>? images))
                classes.Add(whole.Label(i), images = []);
            images.Add(i);
        }
        return classes;
    }

    /// <summary>How many images each class gives.</summary>
    static Dictionary<int, int> Counts(SortedDictionary<int, List<int>> classes, double share, int total)
    {
        Dictionary<int, int> counts = classes.ToDictionary(c => c.Key, c => (int)(share * c.Value.Count));
        int missing = (int)Math.Round(share * total) - counts.Values.Sum();
        foreach ((int label, _) in classes.OrderByDescending(c => share * c.Value.Count - counts[c.Key]).Take(Math.Max(0, missing)))
            counts[label]++;
        return counts;
    }

    static void Draw(List<int> images, int count, RandomSequence random, bool[] isHeld)
    {
        for (int i = 0; i < count; i++)
        {
            int j = i + random.NextInt(images.Count - i);
            (images[i], images[j]) = (images[j], images[i]);
            isHeld[images[i]] = true;
        }
    }
}
