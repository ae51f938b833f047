using PerturbedForgetting.Vision.Transforms;

namespace PerturbedForgetting.Vision.Models;

/// <summary>Resizes the grid of a position embedding like an image whose channels are the features.</summary>
static class PositionEmbedding
{
    /// <summary>The resampling of the images (filter widened when shrinking, weights at the border normalised to what exists) without
    /// rounding to bytes.</summary>
    /// <param name="grid">Row-major, <c>[height, width, features]</c>.</param>
    /// <param name="from">Height and width of <paramref name="grid"/>.</param>
    /// <param name="to">Height and width of the result.</param>
    /// <param name="filter">How to interpolate.</param>
    public static double[] Resize(ReadOnlySpan<double> grid, (int Height, int Width) from, (int Height, int Width) to, Interpolation filter)
    {
        int features = grid.Length / (from.Height * from.Width);
        double[] rows = Along(grid, 1, from.Height, from.Width * features, to.Height, filter);
        return Along(rows, to.Height, from.Width, features, to.Width, filter);
    }

    /// <summary>Resamples the middle dimension of <c>[outer, size, inner]</c>.</summary>
    static double[] Along(ReadOnlySpan<double> x, int outer, int size, int inner, int newSize, Interpolation filter)
    {
        if (size == newSize)
            return x.ToArray();
        using var weights = new ResampleFilter();
        weights.Prepare(size, newSize, 0, newSize, filter);
        var y = new double[outer * newSize * inner];
        for (int o = 0; o < outer; o++)
        {
            for (int i = 0; i < newSize; i++)
            {
                var taps = weights.Weights(i);
                for (int j = 0; j < taps.Length; j++)
                {
                    double weight = taps[j] / (double)(1 << ResampleFilter.Bits);
                    for (int k = 0; k < inner; k++)
                        y[(o * newSize + i) * inner + k] += weight * x[(o * size + weights.Start(i) + j) * inner + k];
                }
            }
        }
        return y;
    }
}
