using System.IO.Hashing;
using PerturbedForgetting.Vision.Imaging;
using PerturbedForgetting.Vision.Loading;

namespace PerturbedForgetting.Vision.Datasets.Conversion;

/// <summary>Reads the images of a set in pieces of a chosen size.</summary>
/// <param name="data">The set.</param>
/// <param name="names">Names of the images.</param>
/// <param name="options">Size of the pieces, what becomes of bad images.</param>
/// <param name="next">The first image.</param>
/// <param name="written">Images that were written before.</param>
/// <param name="keepsOrder">Whether the place of an image counts.</param>
sealed class ConversionSource(Dataset data, ImageNames names, DatasetConversionOptions options, int next, int written, bool keepsOrder)
    : IDisposable
{
    /// <summary>What an image takes beside its bytes, about.</summary>
    const int Overhead = 1024;

    readonly ImageDecoder decoder = new(options.Decoder);
    int count, position = written;
    long bytes;
    ulong digest;
    ConvertedImage pending;

    /// <summary>The first image that is in no piece yet.</summary>
    public int Next { get; private set; } = next;

    /// <summary>A sum of these tells whether images are the same.</summary>
    public static ulong Digest(ReadOnlySpan<byte> image, int label, int place) =>
        XxHash3.HashToUInt64(image, label) * (2 * (ulong)place + 1);

    /// <summary>Whether there is another image that can be read; those before it are reported.</summary>
    public bool HasNext()
    {
        for (; pending.Bytes.IsEmpty && Next < data.Count; Next++)
        {
            options.Stop.ThrowIfCancellationRequested();
            try
            {
                ReadOnlyMemory<byte> image = data.Encoded(Next, decoder);
                string extension = ImageFormats.ExtensionOf(image.Span)
                    ?? throw ImageFormats.Unknown(image.Span).At(data.Describe(Next), image.Length);
                pending = new(image, names[Next], extension, data.Label(Next));
                return true;
            }
            catch (ImageDecodeException e) when (options.BadImages == BadImagePolicy.Skip)
            {
                options.Report?.Invoke($"{data.Describe(Next)}: {e.Reason}");
            }
        }
        return !pending.Bytes.IsEmpty;
    }

    /// <summary>The images of the next piece.</summary>
    public IEnumerable<ConvertedImage> Shard()
    {
        (count, bytes, digest) = (0, 0, 0);
        while (HasNext() && (count == 0 || bytes + (long)(count + 1) * Overhead + pending.Bytes.Length <= options.ShardBytes))
        {
            ConvertedImage image = pending;
            count++;
            bytes += image.Bytes.Length;
            digest += Digest(image.Bytes.Span, image.Label, keepsOrder ? position : 0);
            position++;
            yield return image;
            // Its bytes are those of the next one as soon as that is read.
            pending = default;
            Next++;
        }
    }

    /// <summary>What the piece was that has been read.</summary>
    public ConvertedShard End() => new(Next, count, bytes, digest);

    /// <summary>Gives the buffers back.</summary>
    public void Dispose() => decoder.Dispose();
}
