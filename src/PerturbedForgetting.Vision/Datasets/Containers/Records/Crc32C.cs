using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;

namespace PerturbedForgetting.Vision.Datasets.Containers.Records;

/// <summary>The checksum of TFRecord files: CRC-32C (Castagnoli's polynomial), masked as LevelDB and TensorFlow do, so that the sum of data
/// that hold sums stays a good one.</summary>
static class Crc32C
{
    const uint MaskDelta = 0xA282EAD8;

    /// <summary>The sum of bytes.</summary>
    public static uint Of(ReadOnlySpan<byte> data)
    {
        uint crc = uint.MaxValue;
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(data);
        foreach (ulong word in words)
            crc = BitOperations.Crc32C(crc, BitConverter.IsLittleEndian ? word : BinaryPrimitives.ReverseEndianness(word));
        foreach (byte rest in data[(words.Length * sizeof(ulong))..])
            crc = BitOperations.Crc32C(crc, rest);
        return ~crc;
    }

    /// <summary>The masked sum of bytes.</summary>
    public static uint Masked(ReadOnlySpan<byte> data) => unchecked(BitOperations.RotateRight(Of(data), 15) + MaskDelta);
}
