namespace PerturbedForgetting.Tensors.Serialization;

/// <summary>Gathers small writes, hashes and forwards them, and refuses more bytes than a tensor has.</summary>
/// <param name="inner">Receives the bytes.</param>
/// <param name="hash">Receives them too.</param>
sealed class HashingStream(Stream inner, Action<ReadOnlySpan<byte>> hash) : Stream
{
    readonly byte[] buffer = new byte[1 << 16];
    int used;

    /// <summary>Bytes that the current tensor may still write.</summary>
    public long Remaining { get; set; } = long.MaxValue;

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override void Write(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > Remaining)
            throw new InvalidOperationException($"A tensor's source wrote {bytes.Length - Remaining} bytes more than its shape says.");
        Remaining -= bytes.Length;
        if (bytes.Length > buffer.Length - used)
            FlushBuffer();
        if (bytes.Length > buffer.Length)
        {
            Forward(bytes);
            return;
        }
        bytes.CopyTo(buffer.AsSpan(used));
        used += bytes.Length;
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public void FlushBuffer()
    {
        Forward(buffer.AsSpan(0, used));
        used = 0;
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    void Forward(ReadOnlySpan<byte> bytes)
    {
        hash(bytes);
        inner.Write(bytes);
    }
}
