using System.Buffers.Binary;
using System.Security.Cryptography;

namespace PerturbedForgetting.Simulator.Libraries.Nccl;

/// <summary>The first message of a member: of a fixed length, so that nothing of a stranger's is trusted.</summary>
/// <param name="Token">The secret of the group's id.</param>
/// <param name="Size">Members that it expects.</param>
/// <param name="Rank">Which of them it is.</param>
/// <param name="Process">Its process.</param>
/// <param name="Device">Its device in that process.</param>
sealed record NcclHello(byte[] Token, int Size, int Rank, Guid Process, int Device)
{
    /// <summary>Its length.</summary>
    public const int Bytes = NcclAddress.TokenBytes + 4 + 4 + 16 + 4;

    /// <summary>This process, told apart from all others.</summary>
    public static Guid ThisProcess { get; } = Guid.NewGuid();

    /// <summary>Whether it knows the secret.</summary>
    public bool Knows(byte[] token) => CryptographicOperations.FixedTimeEquals(Token, token);

    /// <summary>As bytes.</summary>
    public byte[] Encode()
    {
        byte[] bytes = new byte[Bytes];
        Token.CopyTo(bytes, 0);
        Span<byte> rest = bytes.AsSpan(NcclAddress.TokenBytes);
        BinaryPrimitives.WriteInt32LittleEndian(rest, Size);
        BinaryPrimitives.WriteInt32LittleEndian(rest[4..], Rank);
        Process.TryWriteBytes(rest[8..]);
        BinaryPrimitives.WriteInt32LittleEndian(rest[24..], Device);
        return bytes;
    }

    /// <summary>The message of bytes.</summary>
    public static NcclHello Decode(ReadOnlySpan<byte> bytes)
    {
        ReadOnlySpan<byte> rest = bytes[NcclAddress.TokenBytes..];
        return new(bytes[..NcclAddress.TokenBytes].ToArray(), BinaryPrimitives.ReadInt32LittleEndian(rest),
            BinaryPrimitives.ReadInt32LittleEndian(rest[4..]), new Guid(rest.Slice(8, 16)),
            BinaryPrimitives.ReadInt32LittleEndian(rest[24..]));
    }
}
