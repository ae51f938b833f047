namespace PerturbedForgetting.Tests.Cuda;

/// <summary>What adds up the products of a sum.</summary>
enum SumUnits
{
    /// <summary>float32, each step rounded to nearest: u = 2⁻²⁴.</summary>
    Float32,
    /// <summary>Tensor cores: exact products of factors as they are, a few at once, cut off below the last place of the greatest.</summary>
    TensorCores,
    /// <summary>Tensor cores whose factors are cut to TF32, too, to nearest or towards zero.</summary>
    TensorCoresCutFactors,
}

/// <summary>
/// How far a float32 sum of products may be from the exact one, whatever the order in which it was added up, from the sum Σ|aᵢ bᵢ| of the
/// terms' absolute values. A term passes through at most n + 2 roundings among n terms (its product, n - 1 additions or those of the parts,
/// and a factor before or behind), so that the error is at most γ Σ|aᵢ bᵢ| with γ = (n + 2) u / (1 - (n + 2) u) (N. Higham, "Accuracy and
/// Stability of Numerical Algorithms", 2nd edition, section 4.2).
/// </summary>
static class SumBound
{
    /// <summary>Terms that tensor cores add at once at the least, with which one step errs the most for its terms.</summary>
    const int AtOnce = 4;

    /// <summary>The bound.</summary>
    /// <param name="magnitude">Σ|aᵢ bᵢ|, in float64.</param>
    /// <param name="terms">n, with all that is added to the products.</param>
    /// <param name="units">What adds.</param>
    public static double Of(double magnitude, long terms, SumUnits units = SumUnits.Float32)
    {
        // A step of tensor cores cuts less than 2⁻²³ of the greatest off each of its terms, off the sum so far and off the new sum; behind
        // them parts are added as elsewhere.
        double unit = Math.ScaleB(1, -24), steps = Math.Ceiling(terms / (double)AtOnce),
            cut = units == SumUnits.Float32 ? 0 : steps * (AtOnce + 2) * 2 * unit;
        double roundings = (terms + 2) * unit, gamma = (roundings / (1 - roundings)) + cut;
        // Each factor loses less than 2⁻¹⁰ of itself.
        double factors = units == SumUnits.TensorCoresCutFactors ? Math.ScaleB(1, -9) + Math.ScaleB(1, -20) : 0;
        return magnitude * (factors + (gamma * (1 + factors)));
    }
}
