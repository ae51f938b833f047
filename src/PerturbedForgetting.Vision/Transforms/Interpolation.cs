namespace PerturbedForgetting.Vision.Transforms;

/// <summary>The filter with which images are resized.</summary>
public enum Interpolation
{
    /// <summary>Triangle filter, radius 1.</summary>
    Bilinear,

    /// <summary>Cubic filter with a = -0.5, radius 2.</summary>
    Bicubic,
}
