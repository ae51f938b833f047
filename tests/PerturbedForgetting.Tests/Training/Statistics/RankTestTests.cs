using System.Text.Json;
using PerturbedForgetting.Training.Statistics;

namespace PerturbedForgetting.Tests.Training.Statistics;

[TestFixture]
[Parallelizable]
sealed class RankTestTests
{
    static IEnumerable<TestCaseData> Cases => ScipyReference.Cases("correlations");

    // Sums of up to 31 products of numbers below 1, in another order than numpy's.
    const double Rounding = 1e-13;

    [TestCaseSource(nameof(Cases))]
    public void CorrelationsAreThoseOfScipy(JsonElement expected)
    {
        double[] x = expected.Numbers("x"), y = expected.Numbers("y");
        RankTestResult test = RankTest.Of(x, y);
        Assert.That(test.Pairs, Is.EqualTo(x.Length));
        Assert.That(test.Spearman, Is.EqualTo(expected.Number("spearman")).Within(Rounding));
        Assert.That(test.Kendall, Is.EqualTo(expected.Number("kendall")).Within(Rounding));
        Assert.That((RankCorrelation.Spearman(x, y), RankCorrelation.Kendall(x, y)), Is.EqualTo((test.Spearman, test.Kendall)));
        if (x.Length <= RankTest.MostExact)
        {
            Assert.That(test.SpearmanP, Is.EqualTo(expected.Number("spearman_p")).Within(Rounding));
            Assert.That(test.KendallP, Is.EqualTo(expected.Number("kendall_p")).Within(Rounding));
        }
    }

    /// <summary>Fisher's interval by hand: n = 12, ρ = 0.5 gives artanh 0.5 ± 1.95996·√(1.125/9).</summary>
    [Test]
    public void TheIntervalIsThatOfBonettAndWright()
    {
        double[] x = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
        // Σ d² = n (n² - 1)(1 - ρ)/6 = 143 makes ρ 0.5.
        double[] y = [3, 1, 6, 2, 4, 12, 9, 11, 5, 10, 7, 8];
        double rho = RankCorrelation.Spearman(x, y), half = 1.959963984540054 * Math.Sqrt((1 + rho * rho / 2) / 9);
        var (low, high) = RankTest.Of(x, y).Interval!.Value;
        Assert.That(rho, Is.InRange(0.4, 0.7));
        Assert.That(low, Is.EqualTo(Math.Tanh(0.5 * Math.Log((1 + rho) / (1 - rho)) - half)).Within(1e-12));
        Assert.That(high, Is.EqualTo(Math.Tanh(0.5 * Math.Log((1 + rho) / (1 - rho)) + half)).Within(1e-12));
    }

    [Test]
    public void ManyPairsAreComparedWithRandomOrdersThatAreAlwaysTheSame()
    {
        double[] x = [.. Enumerable.Range(0, 9).Select(static i => (double)i)], y = [0, 2, 1, 4, 3, 5, 8, 6, 7];
        RankTestResult first = RankTest.Of(x, y);
        Assert.That(RankTest.Of(x, y), Is.EqualTo(first));
        Assert.That(first.SpearmanP, Is.InRange(1.0 / (RankTest.Samples + 1), 0.005));
        Assert.That(first.KendallP, Is.InRange(1.0 / (RankTest.Samples + 1), 0.005));
        // A number that has nothing to do with the order: the probability is near that of the normal distribution.
        double[] z = [4, 0, 8, 2, 6, 1, 7, 3, 5];
        Assert.That(RankTest.Of(x, z).SpearmanP, Is.GreaterThan(0.3));
    }

    [TestCase(new double[] { 1, 1, 1 }, new double[] { 1, 2, 3 }, TestName = "all equal")]
    [TestCase(new[] { 1, double.NaN, 3 }, new double[] { 1, 2, 3 }, TestName = "not a number")]
    [TestCase(new double[] { 1 }, new double[] { 1 }, TestName = "one pair")]
    [TestCase(new double[] { }, new double[] { }, TestName = "none")]
    public void WhatIsNotDefinedIsNotANumber(double[] x, double[] y)
    {
        RankTestResult test = RankTest.Of(x, y);
        Assert.That((test.Spearman, test.Kendall, test.SpearmanP, test.Interval), Is.EqualTo((double.NaN, double.NaN, double.NaN,
            ((double, double)?)null)));
    }

    [TestCase(3, 1.0 / 3)]
    [TestCase(5, 2.0 / 120)]
    [TestCase(9, 1.0 / 5000)]
    public void APerfectOrderHasTheLeastProbability(int pairs, double least)
    {
        double[] x = [.. Enumerable.Range(0, pairs).Select(static i => (double)i)], y = Array.ConvertAll(x, static v => -v * v);
        RankTestResult test = RankTest.Of(x, y);
        Assert.That(test.Spearman, Is.EqualTo(-1).Within(Rounding));
        Assert.That(test.Kendall, Is.EqualTo(-1));
        Assert.That(test.Interval, Is.Null);
        Assert.That(RankTest.LeastP(pairs), Is.EqualTo(least).Within(1e-15));
        Assert.That(test.SpearmanP, Is.EqualTo(least).Within(1e-15));
    }
}
