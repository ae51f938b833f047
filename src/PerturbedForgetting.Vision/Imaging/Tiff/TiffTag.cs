namespace PerturbedForgetting.Vision.Imaging.Tiff;

/// <summary>Numbers of the fields that decide about pixels.</summary>
enum TiffTag
{
    ImageWidth = 256,
    ImageLength = 257,
    BitsPerSample = 258,
    Compression = 259,
    Photometric = 262,
    FillOrder = 266,
    StripOffsets = 273,
    Orientation = 274,
    SamplesPerPixel = 277,
    RowsPerStrip = 278,
    StripByteCounts = 279,
    PlanarConfiguration = 284,
    FaxOptions = 292,
    Predictor = 317,
    ColorMap = 320,
    TileWidth = 322,
    TileLength = 323,
    TileOffsets = 324,
    TileByteCounts = 325,
    InkSet = 332,
    ExtraSamples = 338,
    SampleFormat = 339,
    JpegTables = 347,
    YccCoefficients = 529,
    YccSubsampling = 530,
    ReferenceBlackWhite = 532,
}

/// <summary>How the data of a strip or tile are compressed.</summary>
enum TiffCompression
{
    None = 1,
    FaxRuns = 2,
    FaxGroup3 = 3,
    FaxGroup4 = 4,
    Lzw = 5,
    Jpeg = 7,
    Deflate = 8,
    OldDeflate = 32946,
    PackBits = 32773,
}

/// <summary>What samples mean.</summary>
enum TiffColor
{
    WhiteIsZero = 0,
    BlackIsZero = 1,
    Rgb = 2,
    Palette = 3,
    Cmyk = 5,
    Ycc = 6,
}
