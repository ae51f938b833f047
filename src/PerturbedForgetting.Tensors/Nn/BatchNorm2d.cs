using PerturbedForgetting.Tensors.Memory;

namespace PerturbedForgetting.Tensors.Nn;

/// <summary>
/// Batch normalisation over the channels of images N,H,W,C (<see cref="Ops.BatchNorm"/>). State: <c>weight</c>, <c>bias</c>,
/// <c>running_mean</c>, <c>running_var</c>, and <c>num_batches_tracked</c>, which counts the training passes.
/// </summary>
public sealed class BatchNorm2d : Module
{
    readonly double momentum;

    /// <summary>Starts with weight 1, bias 0, running mean 0 and running variance 1.</summary>
    /// <param name="channels">Extent of the last dimension.</param>
    /// <param name="eps">Added to the variance.</param>
    /// <param name="momentum">Share of the batch in the new running statistics.</param>
    public BatchNorm2d(int channels, double eps = 1e-5, double momentum = 0.1)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(channels);
        (Eps, this.momentum) = (eps, momentum);
        var initial = Initialization.Current;
        Weight = Register("weight", new Parameter(initial.Constant([channels], 1)));
        Bias = Register("bias", new Parameter(initial.Constant([channels], 0)));
        RunningMean = RegisterBuffer("running_mean", initial.Constant([channels], 0));
        RunningVar = RegisterBuffer("running_var", initial.Constant([channels], 1));
        BatchesTracked = RegisterBuffer("num_batches_tracked", Tensor.Persistent([], DType.Int64, initial.Device).Fill(0));
    }

    /// <summary>[C]; <see cref="Tensor.Fill"/> sets another initial value.</summary>
    public Parameter Weight { get; }

    /// <summary>[C].</summary>
    public Parameter Bias { get; }

    /// <summary>[C].</summary>
    public Tensor RunningMean { get; }

    /// <summary>[C], unbiased.</summary>
    public Tensor RunningVar { get; }

    /// <summary>Added to the variance.</summary>
    public double Eps { get; }

    /// <summary>int64, one element.</summary>
    public Tensor BatchesTracked { get; }

    /// <summary>The normalisation, then the sum with a residual and max(·, 0), in one pass over the memory.</summary>
    /// <param name="x">[N, H, W, C].</param>
    /// <param name="residual">Of x's shape, or none.</param>
    /// <param name="relu">Whether to take max(·, 0) last.</param>
    public Tensor Call(Tensor x, Tensor? residual, bool relu)
    {
        using var range = BeginRange();
        using var scope = Scope.Begin();
        return scope.Return(Run(x, residual, relu));
    }

    /// <inheritdoc/>
    protected override Tensor Forward(Tensor x) => Run(x, null, false);

    Tensor Run(Tensor x, Tensor? residual, bool relu) =>
        Report(Ops.BatchNorm(x, Weight, Bias, RunningMean, RunningVar, Training, momentum, Eps, residual, relu, BatchesTracked));
}
