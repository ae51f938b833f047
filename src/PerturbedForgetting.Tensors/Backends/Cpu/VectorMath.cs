using System.Numerics;
using System.Runtime.CompilerServices;

namespace PerturbedForgetting.Tensors.Backends.Cpu;

/// <summary>
/// Transcendental functions on vectors. The float32 forms are polynomials fitted for this project (minimax, Remez exchange in
/// 40 digits); the tests hold them to the stated errors. The float64 forms serve checks and go for accuracy instead of speed.
/// </summary>
static unsafe class VectorMath
{
    /// <summary>
    /// exp(x) for x of at most 88, which is all that a stable softmax or sigmoid needs. Float32: relative error below 1.5e-7, and 0
    /// instead of what would be below 2^-126. NaN stays NaN.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> Exp<T>(Vector<T> x) where T : unmanaged, IFloatingPointIeee754<T> =>
        typeof(T) == typeof(float) ? Exp(x.As<T, float>()).As<float, T>() : Vector.Exp(x.As<T, double>()).As<double, T>();

    /// <summary>sigmoid(x) from e = exp(-|x|), which does not overflow.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> Sigmoid<T>(Vector<T> x, Vector<T> e) where T : unmanaged, IFloatingPointIeee754<T> =>
        Vector.ConditionalSelect(Vector.LessThan(x, Vector<T>.Zero), e, Vector<T>.One) / (Vector<T>.One + e);

    /// <summary>The natural logarithm, of all numbers, as .NET has it: within a unit in the last place.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> Log<T>(Vector<T> x) where T : unmanaged, IFloatingPointIeee754<T> =>
        typeof(T) == typeof(float) ? Vector.Log(x.As<T, float>()).As<float, T>() : Vector.Log(x.As<T, double>()).As<double, T>();

    /// <summary>The natural logarithms in float64, of a float32 or float64 vector.</summary>
    public static void Log<T>(Vector<T> x, double* logs) where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (typeof(T) != typeof(float))
        {
            Vector.Log(x.As<T, double>()).Store(logs);
            return;
        }
        Vector.Widen(x.As<T, float>(), out var low, out var high);
        Vector.Log(low).Store(logs);
        Vector.Log(high).Store(logs + Vector<double>.Count);
    }

    /// <summary>log(1 + u) for u in [0, 1]. Float32: relative error below 3e-7. NaN stays NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> Log1p<T>(Vector<T> u) where T : unmanaged, IFloatingPointIeee754<T> =>
        typeof(T) == typeof(float) ? Log1p(u.As<T, float>()).As<float, T>() : EachLane(u.As<T, double>(), &ScalarMath.Log1p).As<double,
        T>();

    /// <summary>
    /// The normal distribution: its cdf, with an absolute error below 2e-7 in float32, and exp(-x^2/2), the density without its
    /// factor 1/sqrt(2 pi). NaN stays NaN.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> NormalCdf<T>(Vector<T> x, out Vector<T> density) where T : unmanaged, IFloatingPointIeee754<T>
    {
        density = Exp(x * x * new Vector<T>(T.CreateTruncating(-0.5)));
        return typeof(T) == typeof(float)
            ? NormalCdf(x.As<T, float>(), density.As<T, float>()).As<float, T>()
            : EachLane(x.As<T, double>(), &ScalarMath.NormalCdf).As<double, T>();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector<float> Exp(Vector<float> x)
    {
        // x = n ln 2 + r, |r| <= ln(2)/2. Adding and taking away 1.5 * 2^23 rounds to an integer, which then is in the low bits.
        // Below the clamp n is -127, for which the power of two has only zero bits. A NaN passes, being the second operand.
        var magic = new Vector<float>(12582912f);
        var clamped = Vector.MaxNative(new Vector<float>(-88.03f), x);
        var shifted = Vector.MultiplyAddEstimate(clamped, new Vector<float>(1.44269504f), magic);
        var n = shifted - magic;
        // ln 2 in two parts; the first has 9 bits, so that n times it is exact.
        var r = Vector.MultiplyAddEstimate(n, new Vector<float>(-0.693359375f), clamped);
        r = Vector.MultiplyAddEstimate(n, new Vector<float>(2.12194440e-4f), r);
        var p = Vector.MultiplyAddEstimate(new Vector<float>(0.00139411632f), r, new Vector<float>(0.00836320796f));
        p = Vector.MultiplyAddEstimate(p, r, new Vector<float>(0.0416663747f));
        p = Vector.MultiplyAddEstimate(p, r, new Vector<float>(0.166665768f));
        p = Vector.MultiplyAddEstimate(p, r, new Vector<float>(0.500000003f));
        p = Vector.MultiplyAddEstimate(p, r * r, r) + Vector<float>.One;
        // The bits of the shifted number less those of 1.5 * 2^23 are n; with the bias of the exponent added, n's place is at bit 23.
        var power = (shifted.As<float, int>() - new Vector<int>(0x4B400000 - 127)) << 23;
        return p * power.As<int, float>();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector<float> Log1p(Vector<float> u)
    {
        // log(1 + u) = 2 artanh(u / (2 + u)), an odd series whose argument is at most 1/3.
        var s = u / (u + new Vector<float>(2f));
        var z = s * s;
        var p = Vector.MultiplyAddEstimate(new Vector<float>(0.281783326f), z, new Vector<float>(0.279606076f));
        p = Vector.MultiplyAddEstimate(p, z, new Vector<float>(0.400249095f));
        p = Vector.MultiplyAddEstimate(p, z, new Vector<float>(0.666663147f));
        return Vector.MultiplyAddEstimate(p, z, new Vector<float>(2f)) * s;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector<float> NormalCdf(Vector<float> x, Vector<float> density)
    {
        // cdf(-a) = exp(-a^2/2) t P(t) with t = 1 / (1 + 0.35 a): the ratio is smooth where the tail itself is not.
        var t = Vector<float>.One / Vector.MultiplyAddEstimate(Vector.Abs(x), new Vector<float>(0.35f), Vector<float>.One);
        var p = Vector.MultiplyAddEstimate(new Vector<float>(-0.029158184032f), t, new Vector<float>(0.14403230298f));
        p = Vector.MultiplyAddEstimate(p, t, new Vector<float>(-0.25584170322f));
        p = Vector.MultiplyAddEstimate(p, t, new Vector<float>(0.15932257713f));
        p = Vector.MultiplyAddEstimate(p, t, new Vector<float>(-0.023214186074f));
        p = Vector.MultiplyAddEstimate(p, t, new Vector<float>(0.10555320960f));
        p = Vector.MultiplyAddEstimate(p, t, new Vector<float>(0.11982112664f));
        p = Vector.MultiplyAddEstimate(p, t, new Vector<float>(0.13986353514f));
        p = Vector.MultiplyAddEstimate(p, t, new Vector<float>(0.13962130585f));
        var tail = p * t * density;
        return Vector.ConditionalSelect(Vector.LessThan(x, Vector<float>.Zero), tail, Vector<float>.One - tail);
    }

    static Vector<double> EachLane(Vector<double> x, delegate*<double, double> f)
    {
        for (int i = 0; i < Vector<double>.Count; i++)
            x = Vector.WithElement(x, i, f(Vector.GetElement(x, i)));
        return x;
    }
}
