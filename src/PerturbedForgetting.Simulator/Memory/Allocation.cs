using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace PerturbedForgetting.Simulator.Memory;

/// <summary>A piece of device memory: host memory at the same address, with a mark for every byte that was written.</summary>
sealed unsafe class Allocation(ulong start, long size, long number, string? name)
{
    readonly byte* written = (byte*)NativeMemory.AllocZeroed((nuint)Math.Max(size, 1));

    /// <summary>First address.</summary>
    public ulong Start => start;

    /// <summary>Bytes that were asked for.</summary>
    public long Size => size;

    /// <summary>First address behind it.</summary>
    public ulong End => start + (ulong)size;

    /// <summary>Its number in order of allocation, for messages.</summary>
    public long Number => number;

    /// <summary>What other streams' operations did to it; null while a single stream is in use.</summary>
    public AccessHistory? History { get; set; }

    /// <summary>True when the whole range lies inside.</summary>
    public bool Contains(ulong address, long bytes) => address >= start && bytes <= size && address - start <= (ulong)(size - bytes);

    /// <summary>The marks of the bytes from an address on.</summary>
    public byte* Written(ulong address) => written + (address - start);

    /// <summary>Index in the range of the first byte that was never written; -1 when all were.</summary>
    public long FirstUnwritten(ulong address, long bytes)
    {
        byte* marks = Written(address);
        long i = 0;
        for (; i + Vector256<byte>.Count <= bytes; i += Vector256<byte>.Count)
        {
            if (Vector256.EqualsAny(Vector256.Load(marks + i), Vector256<byte>.Zero))
                break;
        }
        for (; i < bytes; i++)
        {
            if (marks[i] == 0)
                return i;
        }
        return -1;
    }

    /// <summary>Marks a range as written.</summary>
    public void MarkWritten(ulong address, long bytes) => new Span<byte>(Written(address), checked((int)bytes)).Fill(1);

    /// <summary>Gives the marks back; the memory itself belongs to <see cref="DeviceMemory"/>.</summary>
    public void Release() => NativeMemory.Free(written);

    /// <inheritdoc/>
    public override string ToString() => name is not null ? $"variable {name} (0x{start:x}, {size} bytes)" : $"allocation #{number} (0x{start:x}, {size} bytes)";
}
