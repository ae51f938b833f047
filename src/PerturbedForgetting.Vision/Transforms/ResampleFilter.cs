using System.Runtime.CompilerServices;
using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Vision.Transforms;

/// <summary>The integer weights with which one direction of an image is resampled, as Pillow computes them: the filter is
/// widened by the scale when the image shrinks (antialiasing), normalised in double and rounded to 22 fractional bits.</summary>
sealed class ResampleFilter : IDisposable
{
    /// <summary>Fractional bits of a weight: 8 bits of sample and 2 bits of head-room remain in 32.</summary>
    public const int Bits = 22;

    /// <summary>Bits of the low part of a weight in <see cref="Pairs"/>.</summary>
    public const int LowBits = 15;

    int[] weights = [];
    int[] pairs = [];
    int[] starts = [];
    int[] counts = [];
    double[] exact = [];
    int stride;
    int pairStride;
    (int Input, int Output, int First, int Count, Interpolation Filter) key;

    /// <summary>The most that <see cref="Pairs"/> has of any output, in pairs.</summary>
    public int MostPairs => pairStride / 2;

    /// <summary>The first input sample that any output needs.</summary>
    public int InputBegin { get; private set; }

    /// <summary>One past the last input sample that any output needs.</summary>
    public int InputEnd { get; private set; }

    /// <summary>First input sample of output <paramref name="i"/> (counted from the window's first).</summary>
    public int Start(int i) => starts[i];

    /// <summary>The weights of output <paramref name="i"/>.</summary>
    public ReadOnlySpan<int> Weights(int i) => weights.AsSpan(i * stride, counts[i]);

    /// <summary>The first input sample that outputs <paramref name="first"/> to first + count - 1 of a resize from
    /// <paramref name="input"/> to <paramref name="output"/> samples need, and the one behind the last.</summary>
    public static (int Begin, int End) Reach(int input, int output, int first, int count, Interpolation filter)
    {
        if (input == output)
            return (first, first + count);
        (double scale, double radius) = Extent(input, output, filter);
        return (Taps(first, scale, radius, input).Begin, Taps(first + count - 1, scale, radius, input).End);
    }

    /// <summary>The weights of output <paramref name="i"/> for 16-bit multiply-adds of two samples: for each two of them (the last
    /// may be zero) both low parts of <see cref="LowBits"/> bits, then both high parts, which have the sign.</summary>
    public ReadOnlySpan<int> Pairs(int i) => pairs.AsSpan(i * pairStride, (counts[i] + 1 & ~1));

    /// <summary>Computes the weights for outputs <paramref name="first"/> to first + count - 1 of a resize from
    /// <paramref name="input"/> to <paramref name="output"/> samples.</summary>
    /// <returns>Whether it did; false where they are there already.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public bool Prepare(int input, int output, int first, int count, Interpolation filter)
    {
        if (key == (input, output, first, count, filter))
            return false;
        (double scale, double radius) = Extent(input, output, filter);
        stride = (int)Math.Ceiling(radius) * 2 + 1;
        PooledBuffer.Ensure(ref weights, checked(count * stride));
        pairStride = stride + 1 & ~1;
        PooledBuffer.Ensure(ref pairs, checked(count * pairStride));
        PooledBuffer.Ensure(ref starts, count);
        PooledBuffer.Ensure(ref counts, count);
        PooledBuffer.Ensure(ref exact, stride);
        for (int i = 0; i < count; i++)
        {
            (double center, int begin, int end) = Taps(first + i, scale, radius, input);
            Normalise(filter, begin, end, center, 1 / Math.Max(scale, 1), weights.AsSpan(i * stride, end - begin));
            (starts[i], counts[i]) = (begin, end - begin);
            Split(Weights(i), pairs.AsSpan(i * pairStride));
        }
        (InputBegin, InputEnd) = (starts[0], starts[count - 1] + counts[count - 1]);
        key = (input, output, first, count, filter);
        return true;
    }

    public void Dispose()
    {
        PooledBuffer.Release(ref weights);
        PooledBuffer.Release(ref pairs);
        PooledBuffer.Release(ref starts);
        PooledBuffer.Release(ref counts);
        PooledBuffer.Release(ref exact);
        key = default;
    }

    /// <summary>Input samples from one output to the next, and the filter's radius in input samples.</summary>
    static (double Scale, double Radius) Extent(int input, int output, Interpolation filter)
    {
        double scale = (double)input / output;
        return (scale, (filter == Interpolation.Bilinear ? 1 : 2) * Math.Max(scale, 1));
    }

    /// <summary>Where output <paramref name="i"/> lies in the input, and the samples it is made of.</summary>
    static (double Center, int Begin, int End) Taps(int i, double scale, double radius, int input)
    {
        double center = (i + 0.5) * scale;
        return (center, Math.Max(0, (int)(center - radius + 0.5)), Math.Min(input, (int)(center + radius + 0.5)));
    }

    void Normalise(Interpolation filter, int begin, int end, double center, double narrowing, Span<int> target)
    {
        double sum = 0;
        for (int j = begin; j < end; j++)
        {
            double t = Math.Abs((j - center + 0.5) * narrowing);
            double weight = filter == Interpolation.Bilinear ? Triangle(t) : Cubic(t);
            exact[j - begin] = weight;
            sum += weight;
        }
        double inverse = sum == 0 ? 1 : 1 / sum;
        for (int j = 0; j < target.Length; j++)
        {
            double weight = exact[j] * inverse;
            target[j] = (int)(weight * (1 << Bits) + (weight < 0 ? -0.5 : 0.5));
        }
    }

    static void Split(ReadOnlySpan<int> weights, Span<int> pairs)
    {
        const int lowMask = (1 << LowBits) - 1;
        for (int j = 0; j < weights.Length; j += 2)
        {
            int first = weights[j], second = j + 1 < weights.Length ? weights[j + 1] : 0;
            pairs[j] = first & lowMask | (second & lowMask) << 16;
            pairs[j + 1] = (ushort)(first >> LowBits) | second >> LowBits << 16;
        }
    }

    static double Triangle(double t) => t < 1 ? 1 - t : 0;

    static double Cubic(double t)
    {
        const double a = -0.5;
        if (t < 1)
            return ((a + 2) * t - (a + 3)) * t * t + 1;
        return t < 2 ? (((t - 5) * t + 8) * t - 4) * a : 0;
    }
}
