using System.IO.Compression;

namespace PerturbedForgetting.Vision.Datasets;

static class BinaryFile
{
    /// <summary>No file of the sets that are read whole is nearly as large.</summary>
    const long LargestFile = 1L << 30;

    /// <summary>All bytes of a file; unpacked if its name ends in .gz.</summary>
    /// <exception cref="DatasetException">It cannot be read.</exception>
    public static byte[] Read(string path)
    {
        try
        {
            using FileStream stream = File.OpenRead(path);
            if (!path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase))
                return ReadAll(stream, path);
            using var unpacked = new GZipStream(stream, CompressionMode.Decompress);
            return ReadAll(unpacked, path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new DatasetException($"{path} cannot be read: {e.Message}");
        }
    }

    static byte[] ReadAll(Stream stream, string path)
    {
        using var bytes = new MemoryStream();
        var chunk = new byte[1 << 16];
        while (stream.Read(chunk) is > 0 and int read)
        {
            bytes.Write(chunk, 0, read);
            if (bytes.Length > LargestFile)
                throw new DatasetException($"{path} holds more than {LargestFile} bytes, which no file of this kind does");
        }
        return bytes.ToArray();
    }
}
