namespace PerturbedForgetting.Vision.Transforms;

/// <summary>Means and standard deviations by which samples are normalised, in units of 0 to 1.</summary>
/// <param name="Mean">Mean of red, green, blue.</param>
/// <param name="Std">Standard deviation of red, green, blue.</param>
public sealed record Normalization(IReadOnlyList<double> Mean, IReadOnlyList<double> Std)
{
    /// <summary>The statistics of ImageNet.</summary>
    public static Normalization ImageNet { get; } = new([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);

    /// <summary>0.5 everywhere: samples from -1 to 1.</summary>
    public static Normalization Inception { get; } = new([0.5, 0.5, 0.5], [0.5, 0.5, 0.5]);

    /// <summary>The float32 numbers that are subtracted from samples 0 to 255: 255 x mean, rounded once.</summary>
    public float[] Subtrahends => [.. Mean.Select(m => (float)(255 * m))];

    /// <summary>The float32 numbers by which the differences are divided: 255 x standard deviation, rounded once.</summary>
    public float[] Divisors => [.. Std.Select(s => (float)(255 * s))];

    /// <summary>(x - 255 mean) / (255 std) in float32, channel by channel; both spans hold pixels x 3.</summary>
    public void Apply(ReadOnlySpan<byte> samples, Span<float> target)
    {
        float[] subtrahends = Subtrahends, divisors = Divisors;
        ArgumentOutOfRangeException.ThrowIfLessThan(target.Length, samples.Length);
        for (int i = 0; i + 3 <= samples.Length; i += 3)
        {
            for (int c = 0; c < 3; c++)
                target[i + c] = (samples[i + c] - subtrahends[c]) / divisors[c];
        }
    }
}
