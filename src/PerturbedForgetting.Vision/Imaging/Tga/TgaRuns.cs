namespace PerturbedForgetting.Vision.Imaging.Tga;

/// <summary>Unpacks run-length coded pixels. Runs may go on in the next row.</summary>
ref struct TgaRuns(ReadOnlySpan<byte> data, int position, int pixelBytes)
{
    readonly ReadOnlySpan<byte> data = data;
    int position = position;
    int left;
    bool repeated;

    /// <summary>Fills a row.</summary>
    /// <exception cref="ImageDecodeException">The file ends.</exception>
    public void Read(Span<byte> row)
    {
        while (row.Length > 0)
        {
            if (left == 0)
            {
                if (repeated)
                    position += pixelBytes;
                int head = position < data.Length ? data[position++] : throw DecodeErrors.Truncated("the image", data.Length);
                (repeated, left) = (head >= 128, ((head & 127) + 1) * pixelBytes);
            }
            int count = Math.Min(left, row.Length), stored = repeated ? pixelBytes : count;
            if (stored > data.Length - position)
                throw DecodeErrors.Truncated("the image", data.Length);
            ReadOnlySpan<byte> from = data.Slice(position, stored);
            if (repeated)
            {
                for (int i = 0; i < count; i += pixelBytes)
                    from.CopyTo(row[i..]);
            }
            else
            {
                from.CopyTo(row);
                position += count;
            }
            row = row[count..];
            left -= count;
        }
    }
}
