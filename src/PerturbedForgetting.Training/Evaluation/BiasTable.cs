using System.Globalization;

namespace PerturbedForgetting.Training.Evaluation;

/// <summary>What several ways of training learnt of the backgrounds of <c>builtin/shapes</c>, each with the same seeds: means, spreads, and
/// differences seed by seed.</summary>
static class BiasTable
{
    /// <summary>The lines.</summary>
    /// <param name="rows">By the names of the ways; the last one is compared with the others. The same number of runs of each, at least
    /// two, in the order of their seeds.</param>
    /// <param name="seed">The first seed.</param>
    public static IEnumerable<string> Lines(IReadOnlyList<(string Name, List<BackgroundBias> Biases)> rows, int seed)
    {
        var (name, own) = rows[^1];
        int runs = own.Count;
        yield return Invariant($"Background bias on validation images, mean ± standard deviation of {runs} seeds ({seed} to ")
            + Invariant($"{unchecked(seed + runs - 1)}), which draw {own.Sum(static b => b.Images.Agreeing)} images whose background ")
            + Invariant($"agrees with their class, and {own.Sum(static b => b.Images.Contradicting)} whose background contradicts it:");
        int width = rows.Max(static r => r.Name.Length);
        foreach (var (other, biases) in rows)
            yield return $"  {other.PadRight(width)}  background agrees {Of(biases, static b => b.Agreeing)} %, "
                + $"contradicts {Of(biases, static b => b.Contradicting)} %, gap {Of(biases, static b => b.Gap)} points, "
                + $"taken for the background's class {Of(biases, static b => b.Misled)} %";
        foreach (var (other, biases) in rows.SkipLast(1))
        {
            double[] gains = [.. own.Zip(biases, static (a, b) => a.Contradicting - b.Contradicting)];
            double[] gaps = [.. own.Zip(biases, static (a, b) => a.Gap - b.Gap)];
            yield return $"  {name} against {other}, seed by seed: contradicting backgrounds {Signed(gains)} points "
                + Invariant($"(better in {gains.Count(static g => g > 0)} of {runs}), gap {Signed(gaps)} points ")
                + Invariant($"(smaller in {gaps.Count(static g => g < 0)} of {runs}). {Verdict(gains)}");
        }
    }

    /// <summary>Whether the seeds tell the two apart: all of them say the same, and the mean is more than twice the spread away from
    /// 0.</summary>
    internal static string Verdict(IReadOnlyList<double> differences)
    {
        var (mean, spread) = MeanAndSpread(differences);
        bool isOneSided = differences.All(static d => d > 0) || differences.All(static d => d < 0);
        return !(isOneSided && Math.Abs(mean) > 2 * spread) ? "These seeds do not tell the two apart."
            : mean > 0 ? "Its accuracy there is higher beyond the spread of the seeds."
            : "Its accuracy there is lower beyond the spread of the seeds.";
    }

    /// <summary>Mean and standard deviation, with n - 1 in the divisor.</summary>
    internal static (double Mean, double Spread) MeanAndSpread(IReadOnlyList<double> values)
    {
        double mean = values.Average();
        return (mean, Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / (values.Count - 1)));
    }

    static string Of(List<BackgroundBias> biases, Func<BackgroundBias, double> value)
    {
        var (mean, spread) = MeanAndSpread([.. biases.Select(value)]);
        return Invariant($"{mean:F1} ± {spread:F1}");
    }

    static string Signed(double[] values)
    {
        var (mean, spread) = MeanAndSpread(values);
        return Invariant($"{mean:+0.0;-0.0;0.0} ± {spread:F1}");
    }

    static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
