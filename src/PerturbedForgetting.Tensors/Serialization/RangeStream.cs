namespace PerturbedForgetting.Tensors.Serialization;

/// <summary>A part of a file, read forward.</summary>
/// <param name="readAt">Reads the file.</param>
/// <param name="begin">Where the part begins.</param>
/// <param name="length">Its bytes.</param>
sealed class RangeStream(ReadAt readAt, long begin, long length) : ForwardStream
{
    long position;

    public override int Read(Span<byte> buffer)
    {
        int count = (int)Math.Min(buffer.Length, length - position);
        readAt(begin + position, buffer[..count]);
        position += count;
        return count;
    }
}
