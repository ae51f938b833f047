using PerturbedForgetting.Cuda.Dnn;

namespace PerturbedForgetting.Tests.Cuda.Dnn;

/// <summary>A convolution written down as its definition, in float64: y[…, o] += x[…, c] · w[o, …, c] for every output pixel and place of
/// the filter. Beside each sum stand the sum of the products' sizes and their number, which bound what rounding can do.</summary>
sealed class ReferenceConvolution(ConvolutionShape s)
{
    public readonly record struct Sums(double[] Values, double[] Sizes, int[] Terms);

    delegate void Place(long x, long w, long y);

    /// <summary>y = x ∗ w.</summary>
    public Sums Forward(float[] x, float[] w) => Sum(s.OutputCount, (i, j, k, sums) => Add(sums, k, (double)x[i] * w[j]));

    /// <summary>The gradient of x.</summary>
    public Sums BackwardData(float[] w, float[] dy) => Sum(s.InputCount, (i, j, k, sums) => Add(sums, i, (double)w[j] * dy[k]));

    /// <summary>The gradient of w.</summary>
    public Sums BackwardFilter(float[] x, float[] dy) => Sum(s.FilterCount, (i, j, k, sums) => Add(sums, j, (double)x[i] * dy[k]));

    static void Add(Sums sums, long at, double product)
    {
        sums.Values[at] += product;
        sums.Sizes[at] += Math.Abs(product);
        sums.Terms[at]++;
    }

    Sums Sum(long count, Action<long, long, long, Sums> add)
    {
        Sums sums = new(new double[count], new double[count], new int[count]);
        ForEachProduct((x, w, y) => add(x, w, y, sums));
        return sums;
    }

    void ForEachProduct(Place place)
    {
        long y = 0;
        for (int n = 0; n < s.N; n++)
            for (int oh = 0; oh < s.OutputHeight; oh++)
                for (int ow = 0; ow < s.OutputWidth; ow++)
                    for (int o = 0; o < s.Filters; o++, y++)
                        ForEachTap(n, oh, ow, o, y, place);
    }

    void ForEachTap(int n, int oh, int ow, int o, long y, Place place)
    {
        int channels = s.Channels / s.Groups, first = o / (s.Filters / s.Groups) * channels;
        long w = (long)o * s.KernelHeight * s.KernelWidth * channels;
        for (int kh = 0; kh < s.KernelHeight; kh++)
            for (int kw = 0; kw < s.KernelWidth; kw++)
                for (int c = 0; c < channels; c++, w++)
                {
                    int h = (oh * s.StrideHeight) + (kh * s.DilationHeight) - s.PaddingHeight,
                        v = (ow * s.StrideWidth) + (kw * s.DilationWidth) - s.PaddingWidth;
                    if (h >= 0 && h < s.Height && v >= 0 && v < s.Width)
                        place((((((long)n * s.Height) + h) * s.Width) + v) * s.Channels + first + c, w, y);
                }
    }
}
