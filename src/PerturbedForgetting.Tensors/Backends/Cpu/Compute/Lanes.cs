using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace PerturbedForgetting.Tensors.Backends.Cpu.Compute;

/// <summary>Short vectorised moves that packing and write-back are made of. Ranges must not overlap.</summary>
static unsafe class Lanes
{
    /// <summary>destination[i] = source[i].</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Copy<T>(T* source, T* destination, int count)
        where T : unmanaged, INumber<T>
    {
        int i = 0;
        if (Vector512.IsHardwareAccelerated)
        {
            for (; i <= count - Vector512<T>.Count; i += Vector512<T>.Count)
                Vector512.Load(source + i).Store(destination + i);
        }
        if (Vector256.IsHardwareAccelerated)
        {
            for (; i <= count - Vector256<T>.Count; i += Vector256<T>.Count)
                Vector256.Load(source + i).Store(destination + i);
        }
        for (; i <= count - Vector128<T>.Count; i += Vector128<T>.Count)
            Vector128.Load(source + i).Store(destination + i);
        for (; i < count; i++)
            destination[i] = source[i];
    }

    /// <summary>Asks for <paramref name="rows"/> rows of <paramref name="count"/> elements, at most two lines of the cache each, to be
    /// brought to the level-1 cache.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void PrefetchRows<T>(T* source, long step, int count, int rows)
        where T : unmanaged
    {
        for (; Sse.IsSupported && rows > 0; rows--, source += step)
        {
            Sse.Prefetch0(source);
            Sse.Prefetch0(source + count - 1);
        }
    }

    /// <summary>Asks for <paramref name="count"/> elements to be brought to the level-2 cache.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void PrefetchFar<T>(T* source, int count)
        where T : unmanaged
    {
        const int Line = 64;
        for (int i = 0; Sse.IsSupported && i < count; i += Line / sizeof(T))
            Sse.Prefetch1(source + i);
    }

    /// <summary>destination[i] = 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Clear<T>(T* destination, int count)
        where T : unmanaged, INumber<T>
    {
        int i = 0;
        if (Vector512.IsHardwareAccelerated)
        {
            for (; i <= count - Vector512<T>.Count; i += Vector512<T>.Count)
                Vector512<T>.Zero.Store(destination + i);
        }
        if (Vector256.IsHardwareAccelerated)
        {
            for (; i <= count - Vector256<T>.Count; i += Vector256<T>.Count)
                Vector256<T>.Zero.Store(destination + i);
        }
        for (; i <= count - Vector128<T>.Count; i += Vector128<T>.Count)
            Vector128<T>.Zero.Store(destination + i);
        for (; i < count; i++)
            destination[i] = T.Zero;
    }

    /// <summary>destination[i] += source[i].</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Add<T>(T* source, T* destination, int count)
        where T : unmanaged, INumber<T>
    {
        int i = 0;
        if (Vector512.IsHardwareAccelerated)
        {
            for (; i <= count - Vector512<T>.Count; i += Vector512<T>.Count)
                (Vector512.Load(destination + i) + Vector512.Load(source + i)).Store(destination + i);
        }
        if (Vector256.IsHardwareAccelerated)
        {
            for (; i <= count - Vector256<T>.Count; i += Vector256<T>.Count)
                (Vector256.Load(destination + i) + Vector256.Load(source + i)).Store(destination + i);
        }
        for (; i <= count - Vector128<T>.Count; i += Vector128<T>.Count)
            (Vector128.Load(destination + i) + Vector128.Load(source + i)).Store(destination + i);
        for (; i < count; i++)
            destination[i] += source[i];
    }

    /// <summary>Tells memory that a line of a cache is read soon; any address will do.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Prefetch(void* address)
    {
        if (Sse.IsSupported)
            Sse.Prefetch0(address);
    }

    /// <summary>Copies <paramref name="rows"/> rows of <paramref name="count"/> elements, from the first to the last.</summary>
    public static void CopyRows<T>(T* source, long sourceStep, T* destination, long destinationStep, int count, int rows)
        where T : unmanaged, INumber<T>
    {
        // The widths of register tiles and panels: no loop inside the loop.
        if (Vector512.IsHardwareAccelerated && count == 2 * Vector512<T>.Count)
        {
            for (; rows > 0; rows--, source += sourceStep, destination += destinationStep)
            {
                Vector512.Load(source).Store(destination);
                Vector512.Load(source + Vector512<T>.Count).Store(destination + Vector512<T>.Count);
            }
        }
        else if (Vector512.IsHardwareAccelerated && count == Vector512<T>.Count)
        {
            for (; rows > 0; rows--, source += sourceStep, destination += destinationStep)
                Vector512.Load(source).Store(destination);
        }
        else if (Vector256.IsHardwareAccelerated && count == 2 * Vector256<T>.Count)
        {
            for (; rows > 0; rows--, source += sourceStep, destination += destinationStep)
            {
                Vector256.Load(source).Store(destination);
                Vector256.Load(source + Vector256<T>.Count).Store(destination + Vector256<T>.Count);
            }
        }
        else
        {
            if (count == destinationStep && count <= sourceStep && rows > 1)
            {
                int narrow = CopyOverlapping(source, sourceStep, destination, count, rows);
                source += narrow * sourceStep;
                destination += narrow * destinationStep;
                rows -= narrow;
            }
            for (; rows > 0; rows--, source += sourceStep, destination += destinationStep)
                Copy(source, destination, count);
        }
    }

    /// <summary>
    /// Packs rows somewhat shorter than a vector whole vectors at a time: the surplus of one is overwritten by the next.
    /// Returns the rows copied; the last ones, whose surplus could lie outside the buffers, are left to the caller.
    /// </summary>
    static int CopyOverlapping<T>(T* source, long sourceStep, T* destination, int count, int rows)
        where T : unmanaged, INumber<T>
    {
        if (Vector512.IsHardwareAccelerated && count > Vector256<T>.Count && count < Vector512<T>.Count)
        {
            for (int row = 1; row < rows; row++, source += sourceStep, destination += count)
                Vector512.Load(source).Store(destination);
            return rows - 1;
        }
        if (Vector256.IsHardwareAccelerated && count > Vector128<T>.Count && count < Vector256<T>.Count)
        {
            for (int row = 1; row < rows; row++, source += sourceStep, destination += count)
                Vector256.Load(source).Store(destination);
            return rows - 1;
        }
        return 0;
    }

    /// <summary>Adds <paramref name="rows"/> rows of <paramref name="count"/> elements to others.</summary>
    public static void AddRows<T>(T* source, long sourceStep, T* destination, long destinationStep, int count, int rows)
        where T : unmanaged, INumber<T>
    {
        if (Vector512.IsHardwareAccelerated && count == 2 * Vector512<T>.Count)
        {
            for (; rows > 0; rows--, source += sourceStep, destination += destinationStep)
            {
                Vector512<T> low = Vector512.Load(destination) + Vector512.Load(source);
                Vector512<T> high = Vector512.Load(destination + Vector512<T>.Count) + Vector512.Load(source + Vector512<T>.Count);
                low.Store(destination);
                high.Store(destination + Vector512<T>.Count);
            }
        }
        else if (Vector256.IsHardwareAccelerated && count == 2 * Vector256<T>.Count)
        {
            for (; rows > 0; rows--, source += sourceStep, destination += destinationStep)
            {
                Vector256<T> low = Vector256.Load(destination) + Vector256.Load(source);
                Vector256<T> high = Vector256.Load(destination + Vector256<T>.Count) + Vector256.Load(source + Vector256<T>.Count);
                low.Store(destination);
                high.Store(destination + Vector256<T>.Count);
            }
        }
        else
        {
            for (; rows > 0; rows--, source += sourceStep, destination += destinationStep)
                Add(source, destination, count);
        }
    }

    /// <summary>Zeroes <paramref name="count"/> elements of every row.</summary>
    public static void ClearRows<T>(T* destination, long step, int count, int rows)
        where T : unmanaged, INumber<T>
    {
        for (; rows > 0; rows--, destination += step)
            Clear(destination, count);
    }
}
