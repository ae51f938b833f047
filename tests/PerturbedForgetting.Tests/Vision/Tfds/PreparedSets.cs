using System.Security.Cryptography;
using System.Text.Json;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Tests.Vision.Tfds;

/// <summary>The sets that another program prepared; README.md beside them tells how.</summary>
static class PreparedSets
{
    static readonly JsonElement expected = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Root, "expected.json"))).RootElement;

    /// <summary>What TFDS calls its <c>data_dir</c>.</summary>
    public static string Root => Path.Combine(AppContext.BaseDirectory, "Vision", "Tfds", "Prepared");

    /// <summary>The records of a split in their order, as the program made them.</summary>
    public static JsonElement[] Expected(string set, string split) => [.. expected.GetProperty($"{set} {split}").EnumerateArray()];

    /// <summary>Opens a split.</summary>
    public static Dataset Open(string set, string split, string? root = null, DatasetOptions? options = null) =>
        DatasetFactory.Open($"tfds/{set}", root ?? Root, split, options);

    /// <summary>SHA-256 of an image's pixels.</summary>
    public static string Pixels(Dataset set, int index)
    {
        using var image = new RgbImage();
        using var decoder = new ImageDecoder();
        set.Read(index, image, decoder);
        return Convert.ToHexStringLower(SHA256.HashData(image.Pixels));
    }

    /// <summary>Copies a set, so that a test can damage it.</summary>
    public static void Copy(string set, TestFolder to)
    {
        string from = Path.Combine(Root, set);
        foreach (string file in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
            to.Write(Path.Combine(set, Path.GetRelativePath(from, file)), File.ReadAllBytes(file));
    }
}
