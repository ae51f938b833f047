using System.IO.Compression;

namespace PerturbedForgetting.Tensors.Serialization.Zip;

/// <summary>The content of a compressed member, read forward; no more of it than the archive says there is.</summary>
/// <param name="stored">The compressed bytes.</param>
/// <param name="length">Bytes of the content.</param>
/// <param name="damaged">Makes the exception for data that cannot be unpacked.</param>
sealed class InflatedStream(Stream stored, long length, Func<Exception, Exception> damaged) : ForwardStream
{
    readonly DeflateStream inner = new(stored, CompressionMode.Decompress);
    long position;

    public override int Read(Span<byte> buffer)
    {
        try
        {
            int read = inner.Read(buffer[..(int)Math.Min(buffer.Length, length - position)]);
            position += read;
            return read;
        }
        catch (InvalidDataException e)
        {
            throw damaged(e);
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            inner.Dispose();
        base.Dispose(disposing);
    }
}
