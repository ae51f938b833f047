namespace PerturbedForgetting.Vision.Datasets.Containers.Zip;

/// <summary>A file in a zip archive, as the directory at its end tells.</summary>
/// <param name="Name">Its path, without "./" and the like, with '/' between folders.</param>
/// <param name="Offset">Place of its own header, which its data follow.</param>
/// <param name="Packed">Bytes of its data as they are stored.</param>
/// <param name="Length">Bytes of the file.</param>
/// <param name="Method">How it is packed: <see cref="Stored"/>, <see cref="Deflated"/>, or a way that is not read.</param>
/// <param name="Crc">CRC-32 of the file.</param>
/// <param name="IsEncrypted">Whether a password is needed.</param>
readonly record struct ZipEntry(string Name, long Offset, long Packed, long Length, int Method, uint Crc, bool IsEncrypted)
{
    /// <summary>Ways to pack a file.</summary>
    public const int Stored = 0, Deflated = 8;
}
