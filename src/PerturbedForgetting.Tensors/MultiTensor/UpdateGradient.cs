namespace PerturbedForgetting.Tensors.MultiTensor;

/// <summary>
/// The gradient of an update, formed while it is used: a·x + b·|w|ᵏ·z. Without a second buffer it is x.
/// </summary>
/// <param name="Values">x, a flat buffer of the arena.</param>
/// <param name="Direction">z, a second buffer, or none.</param>
/// <param name="Weighting">|w|ᵏ.</param>
/// <param name="Coefficients">a and b, float64[2]; required with a second buffer.</param>
public readonly record struct UpdateGradient(Tensor Values, Tensor? Direction = null, Weighting Weighting = Weighting.None,
    Tensor? Coefficients = null);

/// <summary>Numbers of stochastic gradient descent with momentum.</summary>
/// <param name="Momentum">Factor of the old buffer; 0 needs no buffer.</param>
/// <param name="IsDecoupled">Weight decay shrinks the weights (true) or is added to the gradient (false).</param>
public readonly record struct SgdRule(double Momentum, bool IsDecoupled);

/// <summary>Numbers of Adam.</summary>
/// <param name="Beta1">Decay of the first moment.</param>
/// <param name="Beta2">Decay of the second moment.</param>
/// <param name="Epsilon">Added to the root of the second moment.</param>
/// <param name="IsDecoupled">Weight decay shrinks the weights (true) or is added to the gradient (false).</param>
public readonly record struct AdamRule(double Beta1, double Beta2, double Epsilon, bool IsDecoupled);
