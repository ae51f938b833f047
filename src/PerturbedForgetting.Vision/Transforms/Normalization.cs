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
}
