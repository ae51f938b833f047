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
        float* half = source + (4 * sourceStep);
        Pairs(source, sourceStep, out var a0, out var a1, out var a2, out var a3);
        Pairs(half, sourceStep, out var b0, out var b1, out var b2, out var b3);
        Avx.Permute2x128(a0, b0, 0x20).Store(target);
        Avx.Permute2x128(a1, b1, 0x20).Store(target + targetStep);
        Avx.Permute2x128(a2, b2, 0x20).Store(target + (2 * targetStep));
        Avx.Permute2x128(a3, b3, 0x20).Store(target + (3 * targetStep));
        target += 4 * targetStep;
        Avx.Permute2x128(a0, b0, 0x31).Store(target);
        Avx.Permute2x128(a1, b1, 0x31).Store(target + targetStep);
        Avx.Permute2x128(a2, b2, 0x31).Store(target + (2 * targetStep));
        Avx.Permute2x128(a3, b3, 0x31).Store(target + (3 * targetStep));
    }

    /// <summary>Four rows of eight, turned within each half: column k of the four rows is in the low half of r{k}, column k + 4 in the
    /// high.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Pairs(float* source, long step,
        out Vector256<float> r0, out Vector256<float> r1, out Vector256<float> r2, out Vector256<float> r3)
    {
        Vector256<float> s0 = Vector256.Load(source), s1 = Vector256.Load(source + step);
        Vector256<float> s2 = Vector256.Load(source + (2 * step)), s3 = Vector256.Load(source + (3 * step));
        Vector256<float> a = Avx.UnpackLow(s0, s2), b = Avx.UnpackHigh(s0, s2), c = Avx.UnpackLow(s1, s3), d = Avx.UnpackHigh(s1, s3);
        r0 = Avx.UnpackLow(a, c);
        r1 = Avx.UnpackHigh(a, c);
        r2 = Avx.UnpackLow(b, d);
        r3 = Avx.UnpackHigh(b, d);
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
