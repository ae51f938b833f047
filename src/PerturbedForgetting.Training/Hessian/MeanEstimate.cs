namespace PerturbedForgetting.Training.Hessian;

/// <summary>A mean over random samples, and how far it may be from what it estimates.</summary>
/// <param name="Value">The mean.</param>
/// <param name="StandardError">Standard deviation of the samples (with n - 1), divided by √n; NaN of one sample.</param>
/// <param name="Samples">n.</param>
public readonly record struct MeanEstimate(double Value, double StandardError, int Samples)
{
    /// <summary>Of these samples.</summary>
    public static MeanEstimate Of(IReadOnlyCollection<double> samples)
    {
        int n = samples.Count;
        if (n == 0)
            return new(double.NaN, double.NaN, 0);
        double mean = samples.Sum() / n;
        return new(mean, n == 1 ? double.NaN : Math.Sqrt(samples.Sum(s => (s - mean) * (s - mean)) / (n - 1) / n), n);
    }
}
