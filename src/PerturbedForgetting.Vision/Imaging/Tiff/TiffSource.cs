namespace PerturbedForgetting.Vision.Imaging.Tiff;

/// <summary>Unpacks a strip or tile, row after row.</summary>
abstract class TiffSource : IDisposable
{
    /// <summary>A source for a compression whose result is bytes of rows.</summary>
    public static TiffSource Create(TiffCompression compression) => compression switch
    {
        TiffCompression.PackBits => new TiffPackBits(),
        TiffCompression.Lzw => new TiffLzw(),
        TiffCompression.Deflate or TiffCompression.OldDeflate => new TiffDeflate(),
        TiffCompression.FaxRuns or TiffCompression.FaxGroup3 or TiffCompression.FaxGroup4 => new TiffFax(compression),
        _ => new TiffPlain(),
    };

    /// <summary>A strip or tile begins.</summary>
    /// <param name="chunk">All of its bytes.</param>
    /// <param name="layout">The image's layout.</param>
    public abstract void Begin(ReadOnlySpan<byte> chunk, TiffLayout layout);

    /// <summary>Fills the next row.</summary>
    /// <exception cref="ImageDecodeException">The bytes end or are damaged.</exception>
    public abstract void Read(ReadOnlySpan<byte> chunk, Span<byte> row);

    public virtual void Dispose()
    {
    }

    protected static ImageDecodeException Ended() =>
        new(ImageProblem.Truncated, "the data of a strip or tile end before its rows do");

    protected static ImageDecodeException Corrupt(string reason) => DecodeErrors.Corrupt("TIFF", reason);
}

/// <summary>Rows that are stored as they are.</summary>
sealed class TiffPlain : TiffSource
{
    int position;

    public override void Begin(ReadOnlySpan<byte> chunk, TiffLayout layout) => position = 0;

    public override void Read(ReadOnlySpan<byte> chunk, Span<byte> row)
    {
        if (chunk.Length - position < row.Length)
            throw Ended();
        chunk.Slice(position, row.Length).CopyTo(row);
        position += row.Length;
    }
}
