namespace PerturbedForgetting.Vision.Imaging;

/// <summary>Decodes images of one format in two phases. Keeps its buffers and is not thread-safe.</summary>
interface IFormatDecoder : IDisposable
{
    /// <summary>Reads as far as size and orientation; refuses what is too large before anything is allocated for it.</summary>
    ImageInfo Open(ReadOnlySpan<byte> data);

    /// <summary>Decodes the image opened last, once, into <paramref name="image"/>, which takes its size.</summary>
    /// <param name="data">The bytes that were opened.</param>
    /// <param name="region">The part that is needed, within the image as it is stored; other pixels may be left undefined.</param>
    /// <param name="image">Where the pixels go.</param>
    ImageInfo Decode(ReadOnlySpan<byte> data, CropBox region, RgbImage image);
}
