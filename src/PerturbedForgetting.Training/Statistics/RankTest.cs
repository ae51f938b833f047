using PerturbedForgetting.Tensors.Random;

namespace PerturbedForgetting.Training.Statistics;

/// <summary>How two numbers go together over some runs.</summary>
/// <param name="Pairs">How many pairs there are: runs.</param>
/// <param name="Spearman">ρ.</param>
/// <param name="Interval">95 % confidence interval of ρ; none with fewer than four pairs, or where ρ is ±1.</param>
/// <param name="SpearmanP">Probability of a |ρ| so large or larger where both numbers have nothing to do with each other.</param>
/// <param name="Kendall">τ-b.</param>
/// <param name="KendallP">The same of |τ|.</param>
readonly record struct RankTestResult(int Pairs, double Spearman, (double Low, double High)? Interval, double SpearmanP, double Kendall,
    double KendallP);

/// <summary>
/// Rank correlations with what they are worth. The probabilities are those of the permutation test, two-sided: one of the numbers is
/// put into other orders, all there are up to seven pairs, else <see cref="Samples"/> random ones (always the same) and the given one.
/// The interval is Fisher's on the scale artanh ρ with the standard error √((1 + ρ²/2)/(n - 3)) of Bonett and Wright (Psychometrika 65,
/// 2000).
/// </summary>
static class RankTest
{
    /// <summary>Random orders of more than <see cref="MostExact"/> pairs.</summary>
    public const int Samples = 4999;

    /// <summary>Up to so many pairs all orders are looked at: 5,040.</summary>
    public const int MostExact = 7;

    /// <summary>Fewest pairs that are correlated: two always lie in the same order or in the opposed one.</summary>
    public const int FewestPairs = 3;

    const double Normal95 = 1.959963984540054, Slack = 1e-9;

    /// <summary>The test of some pairs.</summary>
    /// <param name="x">One value a pair.</param>
    /// <param name="y">As many.</param>
    /// <returns>NaN where a correlation is not defined.</returns>
    public static RankTestResult Of(ReadOnlySpan<double> x, ReadOnlySpan<double> y)
    {
        double rho = RankCorrelation.Spearman(x, y), tau = RankCorrelation.Kendall(x, y);
        if (double.IsNaN(rho))
            return new(x.Length, double.NaN, null, double.NaN, double.NaN, double.NaN);
        var pairs = new RankedPairs(x, y);
        long orders = 0, rhoAsLarge = 0, tauAsLarge = 0;
        foreach (int[] order in x.Length <= MostExact ? Permutations(x.Length) : RandomOrders(x.Length))
        {
            orders++;
            rhoAsLarge += Math.Abs(pairs.Spearman(order)) >= Math.Abs(rho) - Slack ? 1 : 0;
            tauAsLarge += Math.Abs(pairs.Kendall(order)) >= Math.Abs(tau) - Slack ? 1 : 0;
        }
        return new(x.Length, rho, Interval(rho, x.Length), (double)rhoAsLarge / orders, tau, (double)tauAsLarge / orders);
    }

    /// <summary>The smallest probability that any correlation of so many pairs can have.</summary>
    public static double LeastP(int pairs)
    {
        double orders = 1;
        for (int i = 2; i <= pairs; i++)
            orders *= i;
        return Math.Max(2 / orders, pairs <= MostExact ? 0 : 1.0 / (Samples + 1));
    }

    static (double, double)? Interval(double rho, int pairs)
    {
        if (pairs < 4 || Math.Abs(rho) >= 1 - Slack)
            return null;
        double half = Normal95 * Math.Sqrt((1 + rho * rho / 2) / (pairs - 3)), z = Math.Atanh(rho);
        return (Math.Tanh(z - half), Math.Tanh(z + half));
    }

    /// <summary>All orders of a few things, by Heap's method; each is valid until the next.</summary>
    static IEnumerable<int[]> Permutations(int count)
    {
        int[] order = [.. Enumerable.Range(0, count)], turns = new int[count];
        yield return order;
        for (int i = 1; i < count;)
        {
            if (turns[i] >= i)
            {
                turns[i++] = 0;
                continue;
            }
            int other = i % 2 == 0 ? 0 : turns[i];
            (order[i], order[other]) = (order[other], order[i]);
            yield return order;
            turns[i]++;
            i = 1;
        }
    }

    /// <summary>The given order and <see cref="Samples"/> random ones; each is valid until the next.</summary>
    static IEnumerable<int[]> RandomOrders(int count)
    {
        int[] order = [.. Enumerable.Range(0, count)];
        yield return order;
        var random = new RandomSequence(42, Streams.Permutation);
        for (int s = 0; s < Samples; s++)
        {
            for (int i = 0; i + 1 < count; i++)
            {
                int j = i + random.NextInt(count - i);
                (order[i], order[j]) = (order[j], order[i]);
            }
            yield return order;
        }
    }

    /// <summary>What the correlations of reordered pairs need, computed once.</summary>
    sealed class RankedPairs
    {
        readonly double[] x, y;
        readonly int[] signsX, signsY;
        readonly double scale;

        public RankedPairs(ReadOnlySpan<double> x, ReadOnlySpan<double> y)
        {
            (this.x, this.y) = (RankCorrelation.Standardized(RankCorrelation.Ranks(x)),
                RankCorrelation.Standardized(RankCorrelation.Ranks(y)));
            (signsX, signsY) = (Signs(x), Signs(y));
            scale = 1 / Math.Sqrt((double)signsX.Sum(static s => s * s) * signsY.Sum(static s => s * s)) * 2;
        }

        public double Spearman(int[] order)
        {
            double sum = 0;
            for (int i = 0; i < order.Length; i++)
                sum += x[i] * y[order[i]];
            return sum;
        }

        public double Kendall(int[] order)
        {
            int balance = 0, count = order.Length;
            for (int i = 1; i < count; i++)
            {
                Span<int> row = signsX.AsSpan(i * count, i), permuted = signsY.AsSpan(order[i] * count, count);
                for (int j = 0; j < row.Length; j++)
                    balance += row[j] * permuted[order[j]];
            }
            return balance * scale;
        }

        static int[] Signs(ReadOnlySpan<double> values)
        {
            int count = values.Length;
            var signs = new int[count * count];
            for (int i = 0; i < count; i++)
                for (int j = 0; j < count; j++)
                    signs[i * count + j] = values[i].CompareTo(values[j]);
            return signs;
        }
    }
}
