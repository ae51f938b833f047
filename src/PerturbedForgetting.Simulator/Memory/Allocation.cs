using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace PerturbedForgetting.Simulator.Memory;

/// <summary>A piece of device memory: host memory at the same address, with a bit for every byte that says whether it was
/// written.</summary>
sealed unsafe class Allocation(ulong start, long size, long number, string? name)
{
    const int Bits = 64;

    AccessShadow?[]? shadows;

    // Whole words beyond the end, so that a vector may be read at the last byte.
    readonly long words = (size / Bits) + 2;
    readonly ulong* written = Marks(size);

    // What was written at once is not marked byte by byte.
    bool isWhole;

    /// <summary>Whether only the pages of it that are touched take memory of the host.</summary>
    public static bool IsSparse(long size) => size >= SparseMemory.Threshold;

    static ulong* Marks(long size)
    {
        long words = (size / Bits) + 2;
        if (!IsSparse(size))
            return (ulong*)NativeMemory.AllocZeroed((nuint)words, sizeof(ulong));
        var marks = (ulong*)SparseMemory.Allocate(words * sizeof(ulong));
        return marks != null ? marks : throw new OutOfMemoryException();
    }

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

    /// <summary>Who touched the 4 KB around a byte in the running launch.</summary>
    /// <param name="offset">The byte, counted from the start.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public AccessShadow Shadow(ulong offset) => shadows?[offset >> AccessShadow.Shift] ?? NewShadow(offset);

    AccessShadow NewShadow(ulong offset)
    {
        // Blocks on several threads of the host may need it at the same time; the first one stays.
        if (shadows is null)
            Interlocked.CompareExchange(ref shadows, new AccessShadow?[(size + AccessShadow.Size - 1) >> AccessShadow.Shift], null);
        ref AccessShadow? shadow = ref shadows[offset >> AccessShadow.Shift];
        if (shadow is not null)
            return shadow;
        var made = new AccessShadow();
        if (Interlocked.CompareExchange(ref shadow, made, null) is not { } other)
            return made;
        made.Dispose();
        return other;
    }

    /// <summary>Forgets who touched what.</summary>
    public void ForgetAccesses()
    {
        foreach (AccessShadow? shadow in shadows ?? [])
            shadow?.Dispose();
        shadows = null;
    }

    /// <summary>True when the whole range lies inside.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Contains(ulong address, long bytes) => address >= start && bytes <= size && address - start <= (ulong)(size - bytes);

    /// <summary>Index in the range of the first byte that was never written; -1 when all were.</summary>
    public long FirstUnwritten(ulong address, long bytes)
    {
        if (isWhole)
            return -1;
        ulong first = address - start, last = first + (ulong)bytes - 1;
        for (ulong word = first / Bits; word <= last / Bits; word++)
        {
            ulong missing = ~written[word] & Mask(word, first, last);
            if (missing != 0)
                return (long)((word * Bits) + ulong.TrailingZeroCount(missing) - first);
        }
        return -1;
    }

    /// <summary>Marks a range as written.</summary>
    public void MarkWritten(ulong address, long bytes)
    {
        if (bytes == size)
            isWhole = true;
        if (isWhole)
            return;
        ulong first = address - start, last = first + (ulong)bytes - 1;
        for (ulong word = first / Bits; bytes > 0 && word <= last / Bits; word++)
        {
            ulong mask = Mask(word, first, last);
            if ((written[word] & mask) == mask)
                continue;
            if (mask == ulong.MaxValue)
                written[word] = mask;
            else
                Interlocked.Or(ref written[word], mask);
        }
    }

    /// <summary>Fills all of a sparse allocation with zeros at once.</summary>
    /// <returns>False when it is not sparse, or not all of it is meant.</returns>
    public bool TryClear(ulong address, nuint bytes)
    {
        if (!IsSparse(size) || address != start || (long)bytes != size)
            return false;
        SparseMemory.Clear((byte*)start, size);
        isWhole = true;
        return true;
    }

    /// <summary>Takes over the marks of bytes that were copied here.</summary>
    public void CopyMarks(ulong address, Allocation source, ulong from, long bytes)
    {
        if (source.FirstUnwritten(from, bytes) < 0)
        {
            MarkWritten(address, bytes);
            return;
        }
        if (isWhole)
            new Span<ulong>(written, checked((int)words)).Fill(ulong.MaxValue);
        isWhole = false;
        for (long i = 0; i < bytes; i++)
        {
            ulong at = address - start + (ulong)i;
            if (source.FirstUnwritten(from + (ulong)i, 1) < 0)
                written[at / Bits] |= 1ul << (int)(at % Bits);
            else
                written[at / Bits] &= ~(1ul << (int)(at % Bits));
        }
    }

    /// <summary>The bits of a word that belong to the bytes from <paramref name="first"/> to <paramref name="last"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static ulong Mask(ulong word, ulong first, ulong last) =>
        (word == first / Bits ? ulong.MaxValue << (int)(first % Bits) : ulong.MaxValue) & (word == last / Bits
            ? ulong.MaxValue >> (Bits - 1 - (int)(last % Bits)) : ulong.MaxValue);

    /// <summary>Gives the marks back; the memory itself belongs to <see cref="DeviceMemory"/>.</summary>
    public void Release()
    {
        if (IsSparse(size))
            SparseMemory.Free((byte*)written, words * sizeof(ulong));
        else
            NativeMemory.Free(written);
        ForgetAccesses();
    }

    /// <inheritdoc/>
    public override string ToString() =>
        name is not null ? $"variable {name} (0x{start:x}, {size} bytes)" : $"allocation #{number} (0x{start:x}, {size} bytes)";
}
