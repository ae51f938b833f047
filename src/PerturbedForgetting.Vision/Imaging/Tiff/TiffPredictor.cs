using System.Buffers.Binary;

namespace PerturbedForgetting.Vision.Imaging.Tiff;

/// <summary>Turns differences from the pixel to the left back into samples.</summary>
static class TiffPredictor
{
    public static void Undo(Span<byte> row, int samples, int bits, bool bigEndian)
    {
        if (bits == 8)
        {
            for (int i = samples; i < row.Length; i++)
                row[i] += row[i - samples];
            return;
        }
        for (int i = samples * 2; i < row.Length; i += 2)
        {
            Span<byte> here = row[i..];
            ReadOnlySpan<byte> left = row[(i - samples * 2)..];
            if (bigEndian)
            {
                BinaryPrimitives.WriteUInt16BigEndian(here,
                    (ushort)(BinaryPrimitives.ReadUInt16BigEndian(here) + BinaryPrimitives.ReadUInt16BigEndian(left)));
            }
            else
            {
                BinaryPrimitives.WriteUInt16LittleEndian(here,
                    (ushort)(BinaryPrimitives.ReadUInt16LittleEndian(here) + BinaryPrimitives.ReadUInt16LittleEndian(left)));
            }
        }
    }
}
