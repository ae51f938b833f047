namespace PerturbedForgetting.Tensors.MultiTensor;

/// <summary>
/// The numbers that steer an update, float64 on the device, so that an update neither waits for the host nor changes its launch
/// arguments from step to step. <see cref="MultiTensorOps.BeginUpdate"/> fills them from the gradient's norm.
/// </summary>
public sealed class UpdateControl : IDisposable
{
    internal const int LearningRateSlot = 0, ProceedSlot = 1, ScaleSlot = 2, StepsSlot = 3, SkippedSlot = 4, NormSlot = 5, SlotCount = 6;

    /// <param name="device">Where the update runs.</param>
    public UpdateControl(Device device)
    {
        Values = Tensor.Persistent([SlotCount], DType.Float64, device).Fill(0);
        LearningRate = Values.Rows(LearningRateSlot, 1);
        Proceed = Values.Rows(ProceedSlot, 1);
        Scale = Values.Rows(ScaleSlot, 1);
        Steps = Values.Rows(StepsSlot, 1);
        Skipped = Values.Rows(SkippedSlot, 1);
        GradientNorm = Values.Rows(NormSlot, 1);
    }

    /// <summary>All of them, float64[6], to save and to restore.</summary>
    public Tensor Values { get; }

    /// <summary>Learning rate of the update; set by the host.</summary>
    public Tensor LearningRate { get; }

    /// <summary>1 when the gradient is finite, 0 when the update leaves everything as it is.</summary>
    public Tensor Proceed { get; }

    /// <summary>Factor of the gradient: min(1, limit / (norm + 1e-6)), 1 without a limit.</summary>
    public Tensor Scale { get; }

    /// <summary>Updates made, this one included: the t of Adam's bias correction.</summary>
    public Tensor Steps { get; }

    /// <summary>Updates left out because of a gradient that is not finite.</summary>
    public Tensor Skipped { get; }

    /// <summary>L2 norm of the whole gradient before it is scaled.</summary>
    public Tensor GradientNorm { get; }

    /// <summary>Frees the block.</summary>
    public void Dispose() => Values.Dispose();
}
