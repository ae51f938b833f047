using System.IO.Compression;

namespace PerturbedForgetting.Vision.Datasets;

static class BinaryFile
{
    /// <summary>No file of the sets that are read whole is nearly as large.</summary>
    const long LargestFile = 1L << 30;

    /// <summary>Nor is one of them packed better.</summary>
    const int LargestRatio = 10, Slack = 1 << 20;

    /// <summary>All bytes of a file; unpacked if gzip has packed it.</summary>
    /// <exception cref="DatasetException">It cannot be read.</exception>
    public static byte[] Read(string path)
    {
        try
        {
            using FileStream stream = File.OpenRead(path);
            bool isPacked = stream.ReadByte() == 0x1F && stream.ReadByte() == 0x8B;
            stream.Position = 0;
            if (!isPacked)
                return ReadAll(stream, path, LargestFile);
            using var unpacked = new GZipStream(stream, CompressionMode.Decompress);
            return ReadAll(unpacked, path, Math.Min(LargestFile, LargestRatio * stream.Length + Slack));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new DatasetException($"{path} cannot be read: {e.Message}");
        }
    }

    static byte[] ReadAll(Stream stream, string path, long largest)
    {
        using var bytes = new MemoryStream();
        var chunk = new byte[1 << 16];
        while (stream.Read(chunk) is > 0 and int read)
        {
            bytes.Write(chunk, 0, read);
            if (bytes.Length > largest)
                throw new DatasetException($"{path} holds more than {largest} bytes, which no file of this kind does");
        }
        return bytes.ToArray();
    }
}
