namespace PerturbedForgetting.Vision.Imaging.Jpeg;

/// <summary>One colour component of a frame: its sampling, its tables, its samples.</summary>
sealed class JpegComponent
{
    readonly short[] quantisation = new short[64];
    byte[] plane = [];
    short[] coefficients = [];

    public int Id { get; set; }

    /// <summary>Horizontal sampling factor, 1 to 4.</summary>
    public int H { get; set; }

    /// <summary>Vertical sampling factor, 1 to 4.</summary>
    public int V { get; set; }

    /// <summary>Rows of blocks that an MCU row has by the frame header, also where the only component makes them one.</summary>
    public int RowsOfMcu { get; set; }

    public int QuantTable { get; set; }

    public int DcTable { get; set; }

    public int AcTable { get; set; }

    /// <summary>Columns that the image needs: ceil(image width x H / largest H).</summary>
    public int Width { get; private set; }

    /// <summary>Rows that the image needs.</summary>
    public int Height { get; private set; }

    /// <summary>Blocks in a row, filled up to whole MCUs.</summary>
    public int BlocksWide { get; private set; }

    /// <summary>Rows of blocks, filled up to whole MCUs.</summary>
    public int BlocksHigh { get; private set; }

    /// <summary>The last DC value in the current scan.</summary>
    public int Prediction { get; set; }

    /// <summary>How much of the coefficients of a progressive frame the scans have brought.</summary>
    public JpegProgress Progress { get; } = new();

    public int Stride => BlocksWide * 8;

    public byte[] Plane => plane;

    /// <summary>Columns of the plane that are needed: the first, and the one behind the last; whole blocks.</summary>
    public (int Begin, int End) Columns { get; private set; }

    /// <summary>Rows of the plane that are needed, likewise.</summary>
    public (int Begin, int End) Rows { get; private set; }

    public long BlockCount => (long)BlocksWide * BlocksHigh;

    /// <summary>A scan of the component has begun, and with it its quantisation table is known.</summary>
    public bool HasQuantisation { get; private set; }

    /// <summary>The 64 divisors in natural order, those of 16 bits as they fit; zeros before <see cref="HasQuantisation"/>.</summary>
    public ReadOnlySpan<short> Quantisation => quantisation;

    /// <summary>Sets the sizes from the frame's; <paramref name="mcusWide"/> x <paramref name="mcusHigh"/> MCUs.</summary>
    public void SetSize(int imageWidth, int imageHeight, int maxH, int maxV, int mcusWide, int mcusHigh)
    {
        Width = (imageWidth * H + maxH - 1) / maxH;
        Height = (imageHeight * V + maxV - 1) / maxV;
        BlocksWide = mcusWide * H;
        BlocksHigh = mcusHigh * V;
        HasQuantisation = false;
        Array.Clear(quantisation);
        Progress.Reset();
    }

    /// <summary>Keeps a quantisation table for all of the component's scans.</summary>
    public void Keep(ReadOnlySpan<short> table)
    {
        table.CopyTo(quantisation);
        HasQuantisation = true;
    }

    /// <summary>Provides the sample plane, and zeroed coefficients where several scans add to them.</summary>
    public void Allocate(bool withCoefficients)
    {
        int samples = checked((int)(BlockCount * 64));
        PooledBuffer.Ensure(ref plane, samples + RgbImage.Slack);
        if (!withCoefficients)
            return;
        PooledBuffer.Ensure(ref coefficients, samples);
        coefficients.AsSpan(0, samples).Clear();
    }

    /// <summary>Decides which samples are needed to show a part of the image.</summary>
    public void Need(CropBox region, int maxH, int maxV)
    {
        Columns = Blocks(region.Left, region.Width, maxH / H, Width);
        Rows = Blocks(region.Top, region.Height, maxV / V, Height);
        // What a damaged file does not deliver is grey.
        plane.AsSpan(Rows.Begin * Stride, (Rows.End - Rows.Begin) * Stride).Fill(128);

        static (int Begin, int End) Blocks(int first, int count, int factor, int extent)
        {
            // Upsampling mixes in the neighbour on either side.
            int margin = factor > 1 ? 1 : 0;
            int begin = Math.Max(0, first / factor - margin), last = Math.Min(extent - 1, (first + count - 1) / factor + margin);
            return (begin & ~7, (last | 7) + 1);
        }
    }

    /// <summary>Whether a block is needed.</summary>
    public bool Needs(int x, int y) => x * 8 >= Columns.Begin && x * 8 < Columns.End && y * 8 >= Rows.Begin && y * 8 < Rows.End;

    /// <summary>The 64 coefficients of a block, in natural order.</summary>
    public Span<short> Block(int x, int y) => coefficients.AsSpan((y * BlocksWide + x) * 64, 64);

    /// <summary>The samples from the first of a block on.</summary>
    public Span<byte> Samples(int x, int y) => plane.AsSpan(y * 8 * Stride + x * 8);

    public void Release()
    {
        PooledBuffer.Release(ref plane);
        PooledBuffer.Release(ref coefficients);
    }
}
