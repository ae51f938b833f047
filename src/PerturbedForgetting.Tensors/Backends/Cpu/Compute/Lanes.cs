using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace PerturbedForgetting.Tensors.Backends.Cpu.Compute;

/// <summary>Short vectorised moves that packing and write-back are made of. Ranges must not overlap.</summary>
internal static unsafe class Lanes
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

    /// <summary>destination[i] = 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Clear<T>(T* destination, int count)
        where T : unmanaged, INumber<T> => new Span<T>(destination, count).Clear();

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

    /// <summary>Copies <paramref name="rows"/> rows of <paramref name="count"/> elements.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void CopyRows<T>(T* source, long sourceStep, T* destination, long destinationStep, int count, int rows)
        where T : unmanaged, INumber<T>
    {
        // The one-vector and two-vector rows are the whole-panel cases: no loop inside the loop.
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
        else
        {
            for (; rows > 0; rows--, source += sourceStep, destination += destinationStep)
                Copy(source, destination, count);
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
