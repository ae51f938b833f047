namespace PerturbedForgetting.Vision.Imaging.Png;

/// <summary>Unpacks the rows of a pass, several at once, and undoes their filters.</summary>
sealed class PngRows(DecodeBudget budget) : IDisposable
{
    /// <summary>About so many bytes are unpacked at once.</summary>
    const int BlockBytes = 1 << 16;

    /// <summary>A longer row is refused: two of them are kept.</summary>
    const int LongestRow = (1 << 26) - 16;

    byte[] buffer = [];
    Stream? data;

    // In the buffer lie the last row of the block before, and the rows of this block; each has the number of its filter before it.
    int stride, pixelBytes, rowsLeft, row, rowsInBlock;

    /// <summary>Begins a pass.</summary>
    /// <param name="data">The unpacked data.</param>
    /// <param name="rowBytes">Bytes of a row.</param>
    /// <param name="rows">How many rows are asked for.</param>
    /// <param name="pixelBytes">Bytes of a pixel, at least 1.</param>
    public void Begin(Stream data, int rowBytes, int rows, int pixelBytes)
    {
        (this.data, stride, this.pixelBytes, rowsLeft) = (data, rowBytes + 1, pixelBytes, rows);
        (row, rowsInBlock) = (0, 0);
        PooledBuffer.Ensure(ref buffer, Math.Max(2, Math.Min(BlockBytes / stride, rows) + 1) * stride + PngFilter.Slack);
        buffer.AsSpan(0, stride).Clear();
    }

    /// <summary>Refuses rows that are too long to be kept.</summary>
    public static void CheckLength(long rowBytes)
    {
        if (rowBytes > LongestRow)
            throw new ImageDecodeException(ImageProblem.TooLarge, FormattableString.Invariant($"its rows have {rowBytes} bytes each"));
    }

    /// <summary>The next row without its filter, valid until the one after it is asked for.</summary>
    /// <exception cref="ImageDecodeException">The data end before it, or it has no known filter.</exception>
    public ReadOnlySpan<byte> Next()
    {
        if (row == rowsInBlock)
            Fill();
        row++;
        Span<byte> whole = buffer.AsSpan(row * stride, stride), content = whole[1..];
        if (!PngFilter.Undo(whole[0], content, buffer.AsSpan((row - 1) * stride + 1, stride - 1), pixelBytes))
            throw DecodeErrors.Corrupt(PngDecoder.Name, $"there is no filter {whole[0]}");
        return content;
    }

    public void Dispose() => PooledBuffer.Release(ref buffer);

    void Fill()
    {
        budget.Check();
        buffer.AsSpan(row * stride, stride).CopyTo(buffer);
        (row, rowsInBlock) = (0, Math.Clamp(BlockBytes / stride, 1, rowsLeft));
        rowsLeft -= rowsInBlock;
        Span<byte> block = buffer.AsSpan(stride, rowsInBlock * stride);
        if (data!.ReadAtLeast(block, block.Length, throwOnEndOfStream: false) < block.Length)
            throw new ImageDecodeException(ImageProblem.Truncated, "its data end within the image");
    }
}
