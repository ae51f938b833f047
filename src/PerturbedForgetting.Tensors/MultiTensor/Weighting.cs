namespace PerturbedForgetting.Tensors.MultiTensor;

/// <summary>A factor by which every element of a flat buffer is multiplied as it is read, made of the weight at the same place.</summary>
public enum Weighting
{
    /// <summary>1.</summary>
    None,
    /// <summary>|w|.</summary>
    Magnitude,
    /// <summary>w².</summary>
    SquaredMagnitude,
}
