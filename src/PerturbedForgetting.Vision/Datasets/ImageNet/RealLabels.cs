using System.Text.Json;

namespace PerturbedForgetting.Vision.Datasets.ImageNet;

/// <summary>The reassessed labels of ImageNet's validation images ("Are we done with ImageNet?", arXiv 2006.07159): its <c>real.json</c>
/// lists for each image, in the order of their numbers, all classes that are right.</summary>
static class RealLabels
{
    /// <summary>Name of the file.</summary>
    public const string FileName = "real.json";

    /// <summary>The file has some 400 kilobytes.</summary>
    const int LargestFile = 1 << 24;

    /// <summary>Reads the file.</summary>
    /// <returns>The labels of each image; none where nobody knows.</returns>
    /// <exception cref="DatasetException">It cannot be read, or is not such a file.</exception>
    public static int[][] Read(string path)
    {
        try
        {
            if (FileStatus.IsSpecial(path))
                throw new IOException("it is not a regular file");
            using FileStream stream = File.OpenRead(path);
            if (stream.Length > LargestFile)
                throw Wrong(path, $"it has {stream.Length} bytes");
            var bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
            return Parse(path, bytes);
        }
        catch (JsonException e)
        {
            throw Wrong(path, e.Message);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DatasetException($"{path} cannot be read: {e.Message}");
        }
    }

    static int[][] Parse(string path, byte[] bytes)
    {
        var reader = new Utf8JsonReader(bytes);
        List<int[]> images = [];
        List<int> labels = [];
        Expect(JsonTokenType.StartArray, ref reader);
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.StartArray)
                throw Wrong(path, $"image {images.Count + 1} has no list of labels");
            labels.Clear();
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt32(out int label)
                    || label is < 0 or >= ImageNetClasses.Count)
                    throw Wrong(path, $"image {images.Count + 1} has a label that is none of 0..{ImageNetClasses.Count - 1}");
                labels.Add(label);
            }
            images.Add([.. labels]);
        }
        return images.Count > 0 ? [.. images] : throw Wrong(path, "it lists no image");

        void Expect(JsonTokenType type, ref Utf8JsonReader from)
        {
            if (!from.Read() || from.TokenType != type)
                throw Wrong(path, "it is no list");
        }
    }

    static DatasetException Wrong(string path, string why) =>
        new($"{path} is not the {FileName} of ImageNet-ReaL: {why}; download it again");
}
