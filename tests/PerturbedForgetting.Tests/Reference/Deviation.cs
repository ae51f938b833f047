namespace PerturbedForgetting.Tests.Reference;

/// <summary>Compares long arrays quickly.</summary>
static class Deviation
{
    /// <summary>Largest |actual - expected|; infinite where the lengths differ or a number is not one.</summary>
    public static double Max(ReadOnlySpan<double> actual, ReadOnlySpan<double> expected)
    {
        if (actual.Length != expected.Length)
            return double.PositiveInfinity;
        double max = 0;
        for (int i = 0; i < actual.Length; i++)
        {
            double deviation = Math.Abs(actual[i] - expected[i]);
            // Not-a-number compares false with everything.
            if (!(deviation <= max))
                max = double.IsNaN(deviation) ? double.PositiveInfinity : deviation;
        }
        return max;
    }
}
