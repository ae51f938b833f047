namespace PerturbedForgetting.Vision.Imaging.Tiff;

/// <summary>Runs of bytes: a head n from 0 to 127 is followed by n + 1 bytes, one from -127 to -1 by a byte that stands 1 - n
/// times.</summary>
sealed class TiffPackBits : TiffSource
{
    int position, left;
    bool repeated;

    public override void Begin(ReadOnlySpan<byte> chunk, TiffLayout layout) => (position, left) = (0, 0);

    public override void Read(ReadOnlySpan<byte> chunk, Span<byte> row)
    {
        while (row.Length > 0)
        {
            if (left == 0)
            {
                int head = position < chunk.Length ? (sbyte)chunk[position++] : throw Ended();
                if (head == -128)
                    continue;
                (repeated, left) = (head < 0, head < 0 ? 1 - head : head + 1);
            }
            int count = Math.Min(left, row.Length);
            if ((repeated ? 1 : count) > chunk.Length - position)
                throw Ended();
            if (repeated)
                row[..count].Fill(chunk[position]);
            else
                chunk.Slice(position, count).CopyTo(row);
            left -= count;
            position += !repeated ? count : left == 0 ? 1 : 0;
            row = row[count..];
        }
    }
}
