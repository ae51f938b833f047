using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Nn;

namespace PerturbedForgetting.Training.Optimizers;

/// <summary>
/// Updates the weights of an arena from a gradient, in one pass over the whole model. Its state are buffers of the arena and the
/// number of updates made, which lives on the device because an update with a gradient that is not finite is left out there.
/// </summary>
public abstract class Optimizer : IDisposable
{
    readonly List<(string Name, Tensor Buffer)> buffers = [];
    double learningRate;

    /// <param name="arena">The weights; which parameters are frozen is read now.</param>
    /// <param name="weightDecay">Applies to the parameters that <see cref="WeightDecay.AppliesTo"/> names.</param>
    /// <exception cref="ArgumentOutOfRangeException">Negative or not finite.</exception>
    protected Optimizer(ParameterArena arena, double weightDecay)
    {
        Require(double.IsFinite(weightDecay) && weightDecay >= 0, nameof(weightDecay), weightDecay, "0 or more");
        Layout = new MultiTensorLayout(arena, segment => WeightDecay.AppliesTo(segment) ? weightDecay : 0);
        Control = new UpdateControl(arena.Weights.Device);
    }

    /// <summary>The learning rate of the next update; the one place where it is kept.</summary>
    public double LearningRate
    {
        get => learningRate;
        set
        {
            learningRate = value;
            // An upload, not a launch with the number as an argument: a captured graph would repeat the argument.
            Control.LearningRate.CopyFrom<double>([value]);
        }
    }

    /// <summary>Updates made so far, skipped ones not counted; waits for the device.</summary>
    public long Steps => (long)Control.Steps.Item();

    /// <summary>Updates left out because the gradient was not finite; waits for the device.</summary>
    public long Skipped => (long)Control.Skipped.Item();

    /// <summary>Tiles and weight decay of the arena.</summary>
    public MultiTensorLayout Layout { get; }

    /// <summary>Device numbers of the update.</summary>
    public UpdateControl Control { get; }

    /// <summary>The average of gradients that an update follows, a flat buffer: SGD's momentum or Adam's first moment; none for SGD
    /// without momentum.</summary>
    public abstract Tensor? Average { get; }

    /// <summary>
    /// What a checkpoint keeps: flat buffers under their PyTorch names (<c>momentum_buffer</c>, <c>exp_avg</c>, <c>exp_avg_sq</c>), one
    /// slice a parameter as in <see cref="ParameterArena.Slice"/>. Restoring overwrites their contents.
    /// </summary>
    public IEnumerable<(string Name, Tensor Tensor)> State() => buffers;

    /// <summary>Restores the number of updates made and of those left out.</summary>
    public void RestoreCounts(long steps, long skipped)
    {
        Control.Steps.Fill(steps);
        Control.Skipped.Fill(skipped);
    }

    /// <summary>One update; does nothing where <see cref="MultiTensorOps.BeginUpdate"/> decided so.</summary>
    /// <param name="gradient">The gradient before clipping.</param>
    public abstract void Update(in UpdateGradient gradient);

    /// <summary>Frees the scratch memory; the state buffers belong to the arena.</summary>
    public void Dispose()
    {
        Layout.Dispose();
        Control.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>A buffer of zeros that belongs to the state.</summary>
    private protected Tensor NewState(string name)
    {
        var buffer = Layout.Arena.NewBuffer();
        buffers.Add((name, buffer));
        return buffer;
    }

    private protected static void Require(bool condition, string parameter, double value, string range)
    {
        if (!condition)
            throw new ArgumentOutOfRangeException(parameter, FormattableString.Invariant($"`{parameter}` is {value}; it must be {range}."));
    }
}
