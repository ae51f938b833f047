using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace PerturbedForgetting.Tensors.Backends.Cpu.Compute;

/// <summary>Turns small blocks in registers: 8 by 8 floats with AVX, 4 by 4 with SSE or NEON, else element by element.</summary>
static unsafe class Transposition
{
    /// <summary>target[k * targetStep + line] = source[line * sourceStep + k].</summary>
    public static void Run<T>(T* source, long sourceStep, T* target, long targetStep, int lines, int depth)
        where T : unmanaged, INumber<T>
    {
        int done = 0;
        if (typeof(T) == typeof(float) && Avx.IsSupported)
        {
            for (; done <= lines - 8; done += 8)
            {
                int k = 0;
                for (; k <= depth - 8; k += 8)
                    Turn8((float*)source + (done * sourceStep) + k, sourceStep, (float*)target + (k * targetStep) + done, targetStep);
                Plain(source + (done * sourceStep) + k, sourceStep, target + (k * targetStep) + done, targetStep, 8, depth - k);
            }
        }
        if (typeof(T) == typeof(float) && (Sse.IsSupported || AdvSimd.Arm64.IsSupported))
        {
            for (; done <= lines - 4; done += 4)
            {
                int k = 0;
                for (; k <= depth - 4; k += 4)
                    Turn4((float*)source + (done * sourceStep) + k, sourceStep, (float*)target + (k * targetStep) + done, targetStep);
                Plain(source + (done * sourceStep) + k, sourceStep, target + (k * targetStep) + done, targetStep, 4, depth - k);
            }
        }
        Plain(source + (done * sourceStep), sourceStep, target + done, targetStep, lines - done, depth);
    }

    /// <summary>
    /// The same for a large matrix, both sides of which are read and written in whole cache lines. The last blocks reach back over what
    /// is turned already, so that no side has an end of its own.
    /// </summary>
    public static void Matrix<T>(T* source, long sourceStep, T* target, long targetStep, int lines, int depth)
        where T : unmanaged, INumber<T>
    {
        if (typeof(T) != typeof(float) || !Avx.IsSupported || lines < 8 || depth < 8)
        {
            Run(source, sourceStep, target, targetStep, lines, depth);
            return;
        }
        // Two blocks of lines fill a cache line of the target, and the lines of the source stay in the cache for the next columns.
        for (int done = 0; done < lines; done += 16)
        {
            int first = Math.Min(done, lines - 8), second = Math.Min(done + 8, lines - 8);
            for (int k = 0; k < depth; k += 8)
            {
                int column = Math.Min(k, depth - 8);
                float* from = (float*)source + column, to = (float*)target + (column * targetStep);
                Turn8(from + (first * sourceStep), sourceStep, to + first, targetStep);
                if (second != first)
                    Turn8(from + (second * sourceStep), sourceStep, to + second, targetStep);
            }
        }
    }

    static void Plain<T>(T* source, long sourceStep, T* target, long targetStep, int lines, int depth)
        where T : unmanaged, INumber<T>
    {
        for (int k = 0; k < depth; k++)
        {
            for (int line = 0; line < lines; line++)
                target[(k * targetStep) + line] = source[(line * sourceStep) + k];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Turn8(float* source, long sourceStep, float* target, long targetStep)
    {
        Turn8x4(source, sourceStep, target, targetStep);
        Turn8x4(source + 4, sourceStep, target + (4 * targetStep), targetStep);
    }

    /// <summary>Four columns of eight rows: rows 4 to 7 are loaded into the upper halves, which costs no shuffle.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Turn8x4(float* source, long step, float* target, long targetStep)
    {
        float* lower = source + (4 * step);
        var s0 = Vector256.Create(Vector128.Load(source), Vector128.Load(lower));
        var s1 = Vector256.Create(Vector128.Load(source + step), Vector128.Load(lower + step));
        var s2 = Vector256.Create(Vector128.Load(source + (2 * step)), Vector128.Load(lower + (2 * step)));
        var s3 = Vector256.Create(Vector128.Load(source + (3 * step)), Vector128.Load(lower + (3 * step)));
        Vector256<float> a = Avx.UnpackLow(s0, s2), b = Avx.UnpackHigh(s0, s2), c = Avx.UnpackLow(s1, s3), d = Avx.UnpackHigh(s1, s3);
        Avx.UnpackLow(a, c).Store(target);
        Avx.UnpackHigh(a, c).Store(target + targetStep);
        Avx.UnpackLow(b, d).Store(target + (2 * targetStep));
        Avx.UnpackHigh(b, d).Store(target + (3 * targetStep));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Turn4(float* source, long sourceStep, float* target, long targetStep)
    {
        Vector128<float> r0 = Vector128.Load(source), r1 = Vector128.Load(source + sourceStep);
        Vector128<float> r2 = Vector128.Load(source + (2 * sourceStep)), r3 = Vector128.Load(source + (3 * sourceStep));
        Vector128<float> a = ZipLow(r0, r2), b = ZipHigh(r0, r2), c = ZipLow(r1, r3), d = ZipHigh(r1, r3);
        ZipLow(a, c).Store(target);
        ZipHigh(a, c).Store(target + targetStep);
        ZipLow(b, d).Store(target + (2 * targetStep));
        ZipHigh(b, d).Store(target + (3 * targetStep));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<float> ZipLow(Vector128<float> x, Vector128<float> y) =>
        Sse.IsSupported ? Sse.UnpackLow(x, y) : AdvSimd.Arm64.ZipLow(x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<float> ZipHigh(Vector128<float> x, Vector128<float> y) =>
        Sse.IsSupported ? Sse.UnpackHigh(x, y) : AdvSimd.Arm64.ZipHigh(x, y);
}
