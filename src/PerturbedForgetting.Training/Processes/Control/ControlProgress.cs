using System.Buffers.Binary;

namespace PerturbedForgetting.Training.Processes.Control;

/// <summary>How far the training thread of a process is. All processes make the same common calls in the same order, so who has made fewer
/// is behind.</summary>
/// <param name="Calls">Updates begun and messages exchanged.</param>
/// <param name="Tensors">Calls of the communicator since the last of them.</param>
/// <param name="Waiting">Milliseconds that it has waited in such a call by now.</param>
readonly record struct ControlProgress(long Calls, long Tensors, long Waiting) : IComparable<ControlProgress>
{
    const int Size = 3 * sizeof(long);

    public byte[] ToBytes()
    {
        byte[] bytes = new byte[Size];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, Calls);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(sizeof(long)), Tensors);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(2 * sizeof(long)), Waiting);
        return bytes;
    }

    /// <summary>Reads what another process sent; null where it makes no sense.</summary>
    public static ControlProgress? Read(ReadOnlySpan<byte> bytes) => bytes.Length != Size ? null : new(
        BinaryPrimitives.ReadInt64LittleEndian(bytes),
        BinaryPrimitives.ReadInt64LittleEndian(bytes[sizeof(long)..]),
        BinaryPrimitives.ReadInt64LittleEndian(bytes[(2 * sizeof(long))..]));

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"{Calls} common steps and {Tensors} exchanges of tensors");

    /// <summary>Whether one is further; how long it waits does not matter.</summary>
    public int CompareTo(ControlProgress other) => (Calls, Tensors).CompareTo((other.Calls, other.Tensors));
}
