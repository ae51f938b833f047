namespace PerturbedForgetting.Training.Statistics;

/// <summary>Correlation of ranks: whether one number rises where another does, whatever the shape of the rise.</summary>
static class RankCorrelation
{
    /// <summary>
    /// Spearman's ρ: Pearson's correlation of the ranks, equal values having the mean of theirs. In -1..1; NaN with fewer than two pairs,
    /// where one of both is the same everywhere, or where a value is not a number.
    /// </summary>
    /// <param name="x">One value a pair.</param>
    /// <param name="y">As many.</param>
    public static double Spearman(ReadOnlySpan<double> x, ReadOnlySpan<double> y)
    {
        RequirePairs(x, y);
        return HasNaN(x) || HasNaN(y) ? double.NaN : Product(Standardized(Ranks(x)), Standardized(Ranks(y)));
    }

    /// <summary>
    /// Kendall's τ-b: pairs of pairs in the same order less those in opposed order, divided by the geometric mean of those that are not
    /// tied in x and those not tied in y. In -1..1; NaN where <see cref="Spearman"/> is.
    /// </summary>
    /// <param name="x">One value a pair.</param>
    /// <param name="y">As many.</param>
    public static double Kendall(ReadOnlySpan<double> x, ReadOnlySpan<double> y)
    {
        RequirePairs(x, y);
        if (HasNaN(x) || HasNaN(y))
            return double.NaN;
        long balance = 0, distinctX = 0, distinctY = 0;
        for (int i = 1; i < x.Length; i++)
        {
            for (int j = 0; j < i; j++)
            {
                int a = x[i].CompareTo(x[j]), b = y[i].CompareTo(y[j]);
                balance += a * b;
                distinctX += a * a;
                distinctY += b * b;
            }
        }
        return distinctX == 0 || distinctY == 0 ? double.NaN : balance / Math.Sqrt((double)distinctX * distinctY);
    }

    /// <summary>Ranks from 1; equal values share the mean of their ranks.</summary>
    public static double[] Ranks(ReadOnlySpan<double> values)
    {
        double[] sorted = values.ToArray();
        int[] order = [.. Enumerable.Range(0, values.Length)];
        Array.Sort(sorted, order);
        var ranks = new double[values.Length];
        for (int first = 0, end; first < order.Length; first = end)
        {
            for (end = first + 1; end < order.Length && sorted[end] == sorted[first]; end++)
            {
            }
            for (int i = first; i < end; i++)
                ranks[order[i]] = (first + 1 + end) / 2.0;
        }
        return ranks;
    }

    /// <summary>The values less their mean, divided by the root of the sum of their squares; NaN where all are equal.</summary>
    internal static double[] Standardized(double[] values)
    {
        double mean = values.Sum() / values.Length, squares = 0;
        foreach (double value in values)
            squares += (value - mean) * (value - mean);
        double length = squares == 0 ? double.NaN : Math.Sqrt(squares);
        return [.. values.Select(v => (v - mean) / length)];
    }

    internal static double Product(ReadOnlySpan<double> x, ReadOnlySpan<double> y)
    {
        double sum = 0;
        for (int i = 0; i < x.Length; i++)
            sum += x[i] * y[i];
        // Rounding must not lead out of the range that the inverse of tanh has values for.
        return x.Length < 2 ? double.NaN : Math.Clamp(sum, -1, 1);
    }

    static bool HasNaN(ReadOnlySpan<double> values)
    {
        foreach (double value in values)
            if (double.IsNaN(value))
                return true;
        return false;
    }

    static void RequirePairs(ReadOnlySpan<double> x, ReadOnlySpan<double> y)
    {
        if (x.Length != y.Length)
            throw new ArgumentException($"A correlation is of pairs; there are {x.Length} and {y.Length} values.");
    }
}
