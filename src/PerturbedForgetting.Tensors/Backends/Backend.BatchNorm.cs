namespace PerturbedForgetting.Tensors.Backends;

/// <summary>Rows of the [5, C] tensor that batch normalisation keeps between its passes. y = (x - Center) · Scale + Shift.</summary>
static class BatchNormRow
{
    /// <summary>The mean, rounded to the tensor's type.</summary>
    public const int Center = 0;

    /// <summary>What the rounding cut off the mean; without it a large mean would blur y.</summary>
    public const int Remainder = 1;

    /// <summary>1 / sqrt(variance + eps).</summary>
    public const int InverseDeviation = 2;

    /// <summary>weight · InverseDeviation.</summary>
    public const int Scale = 3;

    /// <summary>bias - Remainder · Scale.</summary>
    public const int Shift = 4;

    public const int Count = 5;
}

/// <summary>Where a backward pass of batch normalisation puts its results; what is null is not wanted.</summary>
readonly record struct BatchNormGradients(Tensor? X, Tensor? Residual, Tensor? Weight, bool AccumulateWeight, Tensor? Bias,
    bool AccumulateBias);

abstract partial class Backend
{
    /// <summary>
    /// Mean and biased variance of each channel (last dimension) of x, put into <paramref name="saved"/> as <see cref="BatchNormRow"/>
    /// says. With running statistics, running = (1 - momentum) · running + momentum · batch, where the variance is the unbiased one. A
    /// counter, int64[1], grows by 1.
    /// </summary>
    public abstract void BatchNormStatistics(Tensor x, Tensor weight, Tensor bias, double eps, Tensor saved, Tensor? runningMean,
        Tensor? runningVar, double momentum,
        Tensor? counter);

    /// <summary>Fills <paramref name="saved"/> from given statistics instead of the batch's.</summary>
    public abstract void BatchNormFrozen(Tensor weight, Tensor bias, Tensor mean, Tensor variance, double eps, Tensor saved);

    /// <summary>y = (x - center) · scale + shift, plus the residual if there is one, then max(·, 0) if <paramref name="relu"/>.</summary>
    public abstract void BatchNormApply(Tensor x, Tensor saved, Tensor? residual, bool relu, Tensor y);

    /// <summary>
    /// The backward pass of <see cref="BatchNormApply"/>, through the statistics too if they are those of the <paramref name="batch"/>.
    /// With <paramref name="relu"/>, dy counts as 0 where the relu cut off: where <paramref name="y"/> is 0 or, if it is null because
    /// there was no residual, where x says that it is, which saves reading y.
    /// </summary>
    public abstract void BatchNormBackward(Tensor dy, Tensor x, bool relu, Tensor? y, Tensor saved, bool batch,
        in BatchNormGradients gradients);

    /// <summary>
    /// The derivative of <see cref="BatchNormApply"/> with frozen statistics along tangents of all that it reads: where the relu let
    /// through, ytangent = xtangent · scale + (x - mean) / deviation · weightTangent + biasTangent, plus the residual's if there is one.
    /// <paramref name="y"/> as in <see cref="BatchNormBackward"/>.
    /// </summary>
    public abstract void BatchNormTangent(Tensor x, Tensor tangent, bool relu, Tensor? y, Tensor saved, Tensor weightTangent,
        Tensor biasTangent, Tensor? residualTangent, Tensor ytangent);

    /// <summary>
    /// The derivative of <see cref="BatchNormBackward"/> with frozen statistics along tangents of dy, x and the weight: the tangents of the
    /// gradients. With g and g' = dy and its tangent where the relu let through: of x g' · scale + g · weightTangent / deviation, of the
    /// residual g', of the weight sum(g' (x - mean) + g tangent) / deviation, of the bias sum(g').
    /// </summary>
    public abstract void BatchNormBackwardTangent(Tensor dy, Tensor dyTangent, Tensor x, Tensor tangent, bool relu, Tensor? y, Tensor saved,
        Tensor weightTangent, in BatchNormGradients gradients);
}
