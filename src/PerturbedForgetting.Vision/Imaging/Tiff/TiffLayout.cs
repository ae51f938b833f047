namespace PerturbedForgetting.Vision.Imaging.Tiff;

/// <summary>How the first page of a TIFF is laid out, checked: from here on only what is within strips and tiles can be wrong.</summary>
sealed class TiffLayout
{
    /// <summary>Tiles may be larger than the image, but not so that one row of theirs is a burden.</summary>
    const int LargestTile = 1 << 16;

    readonly TiffDirectory directory = new();
    TiffField offsets, byteCounts;
    bool hasByteCounts;

    public TiffDirectory Directory => directory;

    public int Width { get; private set; }

    public int Height { get; private set; }

    public int Bits { get; private set; }

    public int Samples { get; private set; }

    public TiffCompression Compression { get; private set; }

    public TiffColor Color { get; private set; }

    /// <summary>Each sample has strips or tiles of its own.</summary>
    public bool Planar { get; private set; }

    /// <summary>Samples are differences from the pixel to the left.</summary>
    public bool Predicted { get; private set; }

    /// <summary>The first pixel of a byte is in its lowest bits.</summary>
    public bool ReversedBits { get; private set; }

    /// <summary>Colours are multiplied by alpha, the fourth sample.</summary>
    public bool Premultiplied { get; private set; }

    public int Orientation { get; private set; }

    /// <summary>Bits that tell how CCITT group 3 is used.</summary>
    public int FaxOptions { get; private set; }

    /// <summary>Size of a strip or tile in pixels.</summary>
    public int ChunkWidth { get; private set; }

    public int ChunkHeight { get; private set; }

    public bool Tiled { get; private set; }

    public int Across => (Width + ChunkWidth - 1) / ChunkWidth;

    public int Down => (int)((Height + (long)ChunkHeight - 1) / ChunkHeight);

    /// <summary>Sides of the block of pixels that shares its chroma.</summary>
    public (int Width, int Height) Subsampling { get; private set; }

    /// <summary>Pixel rows that are stored together, and the bytes that they take in one strip or tile.</summary>
    public (int Rows, long Bytes) RowGroup
    {
        get
        {
            (int across, int down) = Subsampling;
            return Color == TiffColor.Ycc && Compression != TiffCompression.Jpeg
                ? (down, (ChunkWidth + across - 1L) / across * (across * down + 2))
                : (1, ((long)ChunkWidth * Bits * (Planar ? 1 : Samples) + 7) / 8);
        }
    }

    public void Read(ReadOnlySpan<byte> file, long maxPixels)
    {
        directory.Read(file);
        (Width, Height) = (directory.Number(file, TiffTag.ImageWidth), directory.Number(file, TiffTag.ImageLength));
        if (Width <= 0 || Height <= 0)
            throw Corrupt(FormattableString.Invariant($"its size is {Width} x {Height}"));
        ImageLimits.CheckPixels(Width, Height, maxPixels);
        ReadCompression(file);
        ReadSamples(file);
        CheckColor(file);
        ReadChunks(file);
    }

    /// <summary>The bytes of a strip or tile of which <paramref name="rows"/> rows are within the image.</summary>
    public ReadOnlySpan<byte> Chunk(ReadOnlySpan<byte> file, long index, int rows)
    {
        ulong start = offsets.Number(file, index);
        // Counts of what is not compressed are known without being told, and are often told wrongly.
        ulong length = Compression == TiffCompression.None ? (ulong)StoredBytes(rows)
            : hasByteCounts ? byteCounts.Number(file, index) : (ulong)file.Length - Math.Min(start, (ulong)file.Length);
        if (start >= (ulong)file.Length || length > (ulong)file.Length - start)
            throw DecodeErrors.Truncated("the image", file.Length);
        return length > 0 ? file.Slice((int)start, (int)length) : throw Corrupt("a strip or tile has no bytes");
    }

    /// <summary>Whether all strips or tiles are in the file, and can hold their rows: an image may be far larger than its file, and is
    /// made only if it can be filled.</summary>
    /// <exception cref="ImageDecodeException">They are not, or cannot.</exception>
    public void CheckChunks(ReadOnlySpan<byte> file, int planes)
    {
        long perPlane = (long)Across * Down;
        for (long index = 0; index < perPlane * planes; index++)
        {
            int rows = (int)Math.Min(ChunkHeight, Height - index % perPlane / Across * ChunkHeight);
            ReadOnlySpan<byte> chunk = Chunk(file, index, rows);
            bool possible = Compression switch
            {
                TiffCompression.Jpeg => true,
                // A row that equals the one above takes a bit.
                TiffCompression.FaxRuns or TiffCompression.FaxGroup3 or TiffCompression.FaxGroup4 => rows <= chunk.Length * 8L,
                // No code of LZW stands for more bytes, and the other compressions do not reach that.
                _ => StoredBytes(rows) / 4096 <= chunk.Length,
            };
            if (!possible)
                throw new ImageDecodeException(ImageProblem.Truncated, "a strip or tile has too few bytes for its rows");
        }
    }

    /// <summary>A tile is stored whole even where it goes beyond the image.</summary>
    long StoredBytes(int rows)
    {
        (int groupRows, long groupBytes) = RowGroup;
        return ((Tiled ? ChunkHeight : rows) + groupRows - 1L) / groupRows * groupBytes;
    }

    void ReadCompression(ReadOnlySpan<byte> file)
    {
        int compression = directory.Number(file, TiffTag.Compression, (int)TiffCompression.None);
        Compression = (TiffCompression)compression;
        if (compression == 6)
            throw TiffKinds.Error(TiffKinds.OldJpeg);
        if (!Enum.IsDefined(Compression))
            throw TiffKinds.Error(TiffKinds.Compression, compression);
        int predictor = Compression is TiffCompression.Lzw or TiffCompression.Deflate or TiffCompression.OldDeflate
            ? directory.Number(file, TiffTag.Predictor, 1) : 1;
        if (predictor is not (1 or 2))
            throw TiffKinds.Error(TiffKinds.Predictor, predictor);
        Predicted = predictor == 2;
        ReversedBits = directory.Number(file, TiffTag.FillOrder, 1) == 2;
        FaxOptions = directory.Number(file, TiffTag.FaxOptions);
        Orientation = directory.Number(file, TiffTag.Orientation, 1) is >= 1 and <= 8 and int turn ? turn : 1;
    }

    void ReadSamples(ReadOnlySpan<byte> file)
    {
        Samples = directory.Number(file, TiffTag.SamplesPerPixel, 1);
        if (Samples < 1)
            throw Corrupt("its pixels have no samples");
        if (Samples > 6)
            throw TiffKinds.Error(TiffKinds.Samples, Samples);
        Planar = Samples > 1 && directory.Number(file, TiffTag.PlanarConfiguration, 1) == 2;
        Bits = directory.Number(file, TiffTag.BitsPerSample, 1);
        if (directory.TryFind((int)TiffTag.BitsPerSample, out TiffField bits) && bits.Count > 1)
        {
            for (int i = 1; i < Samples; i++)
            {
                if (bits.Number(file, i) != (ulong)Bits)
                    throw TiffKinds.Error(TiffKinds.Depth);
            }
        }
        if (!directory.TryFind((int)TiffTag.SampleFormat, out TiffField format))
            return;
        for (int i = 0; i < Math.Min(Samples, format.Count); i++)
        {
            // 1 is an unsigned number, 4 unspecified.
            if (format.Number(file, i) is not (1 or 4))
                throw TiffKinds.Error(TiffKinds.Signed);
        }
    }

    void CheckColor(ReadOnlySpan<byte> file)
    {
        Color = (TiffColor)directory.Number(file, TiffTag.Photometric);
        if (!Enum.IsDefined(Color))
            throw TiffKinds.Error(TiffKinds.Color, (int)Color);
        int colors = Color switch { TiffColor.Rgb or TiffColor.Ycc => 3, TiffColor.Cmyk => 4, _ => 1 };
        if (Samples < colors)
            throw Corrupt(FormattableString.Invariant($"its pixels have {Samples} samples, {colors} are needed"));
        bool fax = Compression is TiffCompression.FaxRuns or TiffCompression.FaxGroup3 or TiffCompression.FaxGroup4;
        bool known = (Color, Bits) switch
        {
            (_, 8) => !fax,
            (TiffColor.Palette or TiffColor.WhiteIsZero or TiffColor.BlackIsZero, 1) => Samples == 1,
            (TiffColor.Palette or TiffColor.WhiteIsZero or TiffColor.BlackIsZero, 2 or 4) => Samples == 1 && !fax,
            (TiffColor.WhiteIsZero or TiffColor.BlackIsZero, 12) => Samples == 1 && !fax,
            (TiffColor.Palette or TiffColor.Ycc, _) => false,
            (_, 16) => !fax,
            _ => false,
        };
        if (!known || (Compression == TiffCompression.Jpeg && Bits != 8))
            throw TiffKinds.Error(TiffKinds.Depth, Bits);
        if (Predicted && Bits is not (8 or 16))
            throw TiffKinds.Error(TiffKinds.Predictor);
        if (Color == TiffColor.Cmyk && directory.Number(file, TiffTag.InkSet, 1) != 1)
            throw TiffKinds.Error(TiffKinds.Inks);
        if (Compression == TiffCompression.Jpeg && (Planar || Samples != colors || Color is TiffColor.Cmyk or TiffColor.Palette))
            throw TiffKinds.Error(TiffKinds.Jpeg);
        Premultiplied = Color == TiffColor.Rgb && Samples > 3 && directory.Number(file, TiffTag.ExtraSamples) == 1;
        ReadSubsampling(file);
    }

    void ReadSubsampling(ReadOnlySpan<byte> file)
    {
        Subsampling = (1, 1);
        if (Color != TiffColor.Ycc || Compression == TiffCompression.Jpeg)
            return;
        Subsampling = (2, 2);
        if (directory.TryFind((int)TiffTag.YccSubsampling, out TiffField sides))
            Subsampling = ((int)Math.Min(sides.Number(file, 0), 5), (int)Math.Min(sides.Number(file, 1), 5));
        if (Subsampling is not ((1 or 2 or 4), (1 or 2 or 4)))
            throw Corrupt("its chroma has an impossible size");
        if (Planar || Samples != 3)
            throw TiffKinds.Error(TiffKinds.Ycc);
        if (Predicted && Subsampling != (1, 1))
            throw TiffKinds.Error(TiffKinds.Predictor);
    }

    void ReadChunks(ReadOnlySpan<byte> file)
    {
        Tiled = !directory.TryFind((int)TiffTag.StripOffsets, out offsets);
        if (Tiled && !directory.TryFind((int)TiffTag.TileOffsets, out offsets))
            throw Corrupt("it says nowhere where its pixels are");
        hasByteCounts = directory.TryFind((int)(Tiled ? TiffTag.TileByteCounts : TiffTag.StripByteCounts), out byteCounts);
        (ChunkWidth, ChunkHeight) = Tiled
            ? (directory.Number(file, TiffTag.TileWidth), directory.Number(file, TiffTag.TileLength))
            : (Width, Math.Min(directory.Number(file, TiffTag.RowsPerStrip, Height), Height));
        if (ChunkWidth <= 0 || ChunkHeight <= 0)
            throw Corrupt(FormattableString.Invariant($"its strips or tiles have {ChunkWidth} x {ChunkHeight} pixels"));
        if (Tiled && ChunkWidth > Math.Max(LargestTile, Width))
            throw new ImageDecodeException(ImageProblem.TooLarge, FormattableString.Invariant($"its tiles are {ChunkWidth} pixels wide"));
        long chunks = (long)Across * Down * (Planar ? Samples : 1);
        if (offsets.Count < chunks || (hasByteCounts && byteCounts.Count < chunks))
            throw Corrupt(FormattableString.Invariant($"it has {offsets.Count} strips or tiles, {chunks} are needed"));
    }

    static ImageDecodeException Corrupt(string reason) => DecodeErrors.Corrupt("TIFF", reason);
}
