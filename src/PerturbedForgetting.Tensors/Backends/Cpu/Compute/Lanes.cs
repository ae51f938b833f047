using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

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

    /// <summary>destination[k * destinationStep + line] = source[line * sourceStep + k].</summary>
    public static void Transpose<T>(T* source, long sourceStep, T* destination, long destinationStep, int lines, int depth)
        where T : unmanaged, INumber<T>
    {
        int line = 0;
        if (typeof(T) == typeof(float) && (Sse.IsSupported || AdvSimd.Arm64.IsSupported))
        {
            for (; line <= lines - 4; line += 4)
            {
                int k = 0;
                for (; k <= depth - 4; k += 4)
                {
                    Transpose4((float*)source + (line * sourceStep) + k, sourceStep,
                        (float*)destination + (k * destinationStep) + line, destinationStep);
                }
                TransposePlain(source + (line * sourceStep) + k, sourceStep,
                    destination + (k * destinationStep) + line, destinationStep, 4, depth - k);
            }
        }
        TransposePlain(source + (line * sourceStep), sourceStep, destination + line, destinationStep, lines - line, depth);
    }

    private static void TransposePlain<T>(T* source, long sourceStep, T* destination, long destinationStep, int lines, int depth)
        where T : unmanaged, INumber<T>
    {
        for (int k = 0; k < depth; k++)
        {
            for (int line = 0; line < lines; line++)
                destination[(k * destinationStep) + line] = source[(line * sourceStep) + k];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose4(float* source, long sourceStep, float* destination, long destinationStep)
    {
        Vector128<float> r0 = Vector128.Load(source), r1 = Vector128.Load(source + sourceStep);
        Vector128<float> r2 = Vector128.Load(source + (2 * sourceStep)), r3 = Vector128.Load(source + (3 * sourceStep));
        Vector128<float> a = ZipLow(r0, r2), b = ZipHigh(r0, r2), c = ZipLow(r1, r3), d = ZipHigh(r1, r3);
        ZipLow(a, c).Store(destination);
        ZipHigh(a, c).Store(destination + destinationStep);
        ZipLow(b, d).Store(destination + (2 * destinationStep));
        ZipHigh(b, d).Store(destination + (3 * destinationStep));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> ZipLow(Vector128<float> x, Vector128<float> y) =>
        Sse.IsSupported ? Sse.UnpackLow(x, y) : AdvSimd.Arm64.ZipLow(x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> ZipHigh(Vector128<float> x, Vector128<float> y) =>
        Sse.IsSupported ? Sse.UnpackHigh(x, y) : AdvSimd.Arm64.ZipHigh(x, y);
}
