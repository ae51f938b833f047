namespace PerturbedForgetting.Training.Runs.Reporting;

/// <summary>Mean and spread of a few numbers.</summary>
/// <param name="Count">How many there are, at least 1.</param>
/// <param name="Mean">Their mean.</param>
/// <param name="Deviation">Their standard deviation with n - 1 below; NaN for a single number.</param>
public readonly record struct SampleStatistics(int Count, double Mean, double Deviation)
{
    /// <summary>Of at least one number.</summary>
    public static SampleStatistics Of(IReadOnlyList<double> values)
    {
        double mean = values.Average();
        double deviation = values.Count > 1 ? Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / (values.Count - 1)) : double.NaN;
        return new(values.Count, mean, deviation);
    }

    /// <summary>Half the width of the confidence interval of the mean, t·s/√n with Student's t of n - 1 degrees of freedom; NaN for a
    /// single number.</summary>
    public double HalfWidth(double confidence) =>
        Count > 1 ? StudentT.TwoSided(confidence, Count - 1) * Deviation / Math.Sqrt(Count) : double.NaN;
}
