namespace PerturbedForgetting.Training.Hessian;

/// <summary>
/// The density of a Hessian's eigenvalues, φ(t) = 1/n Σᵢ g_σ(t - λᵢ) with a normal distribution g_σ of standard deviation σ, estimated as
/// the mean over random vectors of Σ wᵢ g_σ(t - θᵢ). Its integral is 1.
/// </summary>
/// <param name="At">t, evenly spaced and ascending.</param>
/// <param name="Values">φ(t).</param>
/// <param name="Width">σ.</param>
public sealed record SpectralDensity(double[] At, double[] Values, double Width)
{
    // Beyond it nothing of a normal distribution can be seen.
    const double Reach = 5;

    // Of the whole range: narrow enough to keep outliers apart, and wide enough that the bulk is no comb.
    const double UsualWidth = 1.0 / 256;

    /// <summary>From the rules of random vectors.</summary>
    /// <param name="rules">At least one.</param>
    /// <param name="points">Values of t.</param>
    /// <param name="width">σ; null is 1/256 of the range of the nodes.</param>
    public static SpectralDensity Of(IReadOnlyList<QuadratureRule> rules, int points, double? width = null)
    {
        double low = rules.Min(static r => r.Nodes[0]), high = rules.Max(static r => r.Nodes[^1]);
        double range = high - low;
        double sigma = width ?? UsualWidth * (range > 0 ? range : Math.Max(Math.Abs(high), 1e-12));
        double start = low - (Reach * sigma), step = (high - low + (2 * Reach * sigma)) / (points - 1);
        double[] at = [.. Enumerable.Range(0, points).Select(i => start + (i * step))];
        var values = new double[points];
        foreach (QuadratureRule rule in rules)
        {
            for (int node = 0; node < rule.Nodes.Length; node++)
            {
                double height = rule.Weights[node] / (rules.Count * sigma * Math.Sqrt(2 * Math.PI));
                for (int i = 0; i < points; i++)
                {
                    double z = (at[i] - rule.Nodes[node]) / sigma;
                    values[i] += height * Math.Exp(-z * z / 2);
                }
            }
        }
        return new(at, values, sigma);
    }
}
