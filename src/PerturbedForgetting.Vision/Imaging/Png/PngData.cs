using PerturbedForgetting.Tensors.Serialization;

namespace PerturbedForgetting.Vision.Imaging.Png;

/// <summary>The packed data of a PNG as one stream: the contents of consecutive IDAT chunks, each verified when it is begun.</summary>
sealed unsafe class PngData : ForwardStream
{
    byte* file;
    int length, position, chunkEnd, nextChunk;

    /// <summary>Begins with the chunk at <paramref name="firstChunk"/> of a file, which must stay where it is.</summary>
    public void Begin(byte* file, int length, int firstChunk)
    {
        this.file = file;
        this.length = length;
        (position, chunkEnd, nextChunk) = (0, 0, firstChunk);
    }

    public override int Read(Span<byte> buffer)
    {
        while (position == chunkEnd)
        {
            PngChunk chunk = PngChunk.At(new ReadOnlySpan<byte>(file, length), nextChunk);
            if (!chunk.Is("IDAT"u8))
                return 0;
            chunk.Verify();
            (position, chunkEnd, nextChunk) = (nextChunk + 8, nextChunk + 8 + chunk.Content.Length, chunk.End);
        }
        int count = Math.Min(buffer.Length, chunkEnd - position);
        new ReadOnlySpan<byte>(file + position, count).CopyTo(buffer);
        position += count;
        return count;
    }
}
