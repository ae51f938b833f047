using System.Buffers.Binary;
using PerturbedForgetting.Cuda.Nccl;

namespace PerturbedForgetting.Simulator.Libraries.Nccl;

/// <summary>Which collective a call is.</summary>
enum NcclCollective : byte
{
    AllReduce,
    Broadcast,
    AllGather,
}

/// <summary>A call of a collective, without its addresses: the same on all members, or else the program is wrong.</summary>
/// <param name="Collective">Which.</param>
/// <param name="Count">Elements of one rank.</param>
/// <param name="Type">Their type.</param>
/// <param name="Operation">What a reduction makes.</param>
/// <param name="Root">Whose values a broadcast sends.</param>
readonly record struct NcclCall(NcclCollective Collective, long Count, NcclDataType Type, NcclOperation Operation, int Root)
{
    /// <summary>Its size as bytes.</summary>
    public const int EncodedBytes = 1 + 8 + 4 + 4 + 4;

    /// <summary>Bytes of one rank.</summary>
    public long Bytes => Count * NcclGroup.SizeOf(Type);

    /// <summary>As bytes, before the values.</summary>
    public byte[] Encode()
    {
        byte[] bytes = new byte[EncodedBytes];
        bytes[0] = (byte)Collective;
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(1), Count);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(9), (int)Type);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(13), (int)Operation);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(17), Root);
        return bytes;
    }

    /// <summary>The call of bytes.</summary>
    public static NcclCall Decode(ReadOnlySpan<byte> bytes) => new(
        (NcclCollective)bytes[0],
        BinaryPrimitives.ReadInt64LittleEndian(bytes[1..]),
        (NcclDataType)BinaryPrimitives.ReadInt32LittleEndian(bytes[9..]),
        (NcclOperation)BinaryPrimitives.ReadInt32LittleEndian(bytes[13..]),
        BinaryPrimitives.ReadInt32LittleEndian(bytes[17..]));

    /// <inheritdoc/>
    public override string ToString() => $"nccl{Collective} of {Count} {Type}" + Collective switch
    {
        NcclCollective.AllReduce => $", {Operation}",
        NcclCollective.Broadcast => $" from rank {Root}",
        _ => "",
    };
}
