namespace PerturbedForgetting.Cuda.Nccl;

/// <summary>By which the members of a group find each other (<c>ncclUniqueId</c>): made by one of them, carried to the others by other
/// means, and given to NCCL by value.</summary>
public unsafe struct NcclUniqueId
{
    /// <summary>Its size.</summary>
    public const int Bytes = 128;

    fixed byte value[Bytes];

    /// <summary>The id of bytes that were carried here.</summary>
    /// <exception cref="ArgumentException">They are not 128.</exception>
    public NcclUniqueId(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Bytes)
            throw new ArgumentException($"An id of NCCL has {Bytes} bytes, not {bytes.Length}.", nameof(bytes));
        fixed (byte* first = value)
            bytes.CopyTo(new Span<byte>(first, Bytes));
    }

    /// <summary>Its bytes, to be carried to the others.</summary>
    public readonly byte[] ToArray()
    {
        fixed (byte* first = value)
            return new ReadOnlySpan<byte>(first, Bytes).ToArray();
    }
}
