using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Vision.Transforms;

/// <summary>The integer weights with which one direction of an image is resampled, as Pillow computes them: the filter is
/// widened by the scale when the image shrinks (antialiasing), normalised in double and rounded to 22 fractional bits.</summary>
sealed class ResampleFilter : IDisposable
{
    /// <summary>Fractional bits of a weight: 8 bits of sample and 2 bits of head-room remain in 32.</summary>
    public const int Bits = 22;

    int[] weights = [];
    int[] starts = [];
    int[] counts = [];
    double[] exact = [];
    int stride;
    (int Input, int Output, int First, int Count, Interpolation Filter) key;

    /// <summary>The first input sample that any output needs.</summary>
    public int InputBegin { get; private set; }

    /// <summary>One past the last input sample that any output needs.</summary>
    public int InputEnd { get; private set; }

    /// <summary>First input sample of output <paramref name="i"/> (counted from the window's first).</summary>
    public int Start(int i) => starts[i];

    /// <summary>The weights of output <paramref name="i"/>.</summary>
    public ReadOnlySpan<int> Weights(int i) => weights.AsSpan(i * stride, counts[i]);

    /// <summary>Computes the weights for outputs <paramref name="first"/> to first + count - 1 of a resize from
    /// <paramref name="input"/> to <paramref name="output"/> samples.</summary>
    public void Prepare(int input, int output, int first, int count, Interpolation filter)
    {
        if (key == (input, output, first, count, filter))
            return;
        double scale = (double)input / output, widening = Math.Max(scale, 1);
        double radius = (filter == Interpolation.Bilinear ? 1 : 2) * widening;
        stride = (int)Math.Ceiling(radius) * 2 + 1;
        PooledBuffer.Ensure(ref weights, checked(count * stride));
        PooledBuffer.Ensure(ref starts, count);
        PooledBuffer.Ensure(ref counts, count);
        PooledBuffer.Ensure(ref exact, stride);
        (InputBegin, InputEnd) = (input, 0);
        for (int i = 0; i < count; i++)
        {
            double center = (first + i + 0.5) * scale;
            int begin = Math.Max(0, (int)(center - radius + 0.5)), end = Math.Min(input, (int)(center + radius + 0.5));
            Normalise(filter, begin, end, center, 1 / widening, weights.AsSpan(i * stride, end - begin));
            (starts[i], counts[i]) = (begin, end - begin);
            InputBegin = Math.Min(InputBegin, begin);
            InputEnd = Math.Max(InputEnd, end);
        }
        key = (input, output, first, count, filter);
    }

    public void Dispose()
    {
        PooledBuffer.Release(ref weights);
        PooledBuffer.Release(ref starts);
        PooledBuffer.Release(ref counts);
        PooledBuffer.Release(ref exact);
        key = default;
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
        for (int j = 0; j < target.Length; j++)
        {
            double weight = sum == 0 ? exact[j] : exact[j] * (1 / sum);
            target[j] = (int)(weight * (1 << Bits) + (weight < 0 ? -0.5 : 0.5));
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
