namespace PerturbedForgetting.Vision.Datasets.ImageNet;

/// <summary>The 1000 classes of ILSVRC 2012 by their WordNet numbers, in the order in which every ImageNet model numbers them: that of the
/// numbers themselves.</summary>
static class ImageNetClasses
{
    const char Renditions = 'R', Adversarial = 'A';

    static readonly string[][] lines = Read();

    /// <summary>How many there are.</summary>
    public const int Count = 1000;

    /// <summary>The classes; a class's index is its label.</summary>
    public static ClassList All { get; } = new(lines.Select(static l => l[0]));

    /// <summary>The 200 classes of ImageNet-R.</summary>
    public static IReadOnlyList<int> OfRenditions { get; } = Marked(Renditions);

    /// <summary>The 200 classes of ImageNet-A.</summary>
    public static IReadOnlyList<int> OfAdversarial { get; } = Marked(Adversarial);

    static int[] Marked(char mark) => [.. Enumerable.Range(0, lines.Length).Where(i => lines[i].Skip(1).Any(m => m[0] == mark))];

    /// <summary>Each class with the marks of the sets that have only some.</summary>
    static string[][] Read()
    {
        using Stream stream = typeof(ImageNetClasses).Assembly.GetManifestResourceStream("ImageNet.classes.txt")!;
        using var reader = new StreamReader(stream);
        return [.. reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(static l => l.Trim().Split(' '))];
    }
}
