using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Random;

namespace PerturbedForgetting.Tensors.Backends;

// Whole-model passes over the flat buffers of an arena. Formulas, shapes and costs stand at the public methods of MultiTensorOps.
// Numbers that a pass reads or makes are float64 tensors of the device: no pass waits for the host.
abstract partial class Backend
{
    /// <summary>result[0] = Σ (|w|ᵏ·x)².</summary>
    public abstract void SquaredNorm(MultiTensorLayout layout, Tensor x, Weighting weighting, Tensor weights, Tensor result);

    /// <summary>result = (Σ x², Σ x·|w|ᵏ·z, Σ (|w|ᵏ·z)²).</summary>
    public abstract void Products(MultiTensorLayout layout, Tensor x, Tensor z, Weighting weighting, Tensor weights, Tensor result);

    /// <summary>y = w + sign·radius / (√squaredNorm + 1e-12)·|w|ᵏ·d; frozen parts are copied. finite[0] = 0 where the norm is not
    /// finite.</summary>
    public abstract void StepAlong(MultiTensorLayout layout, Tensor weights, Tensor d, Weighting weighting, Tensor squaredNorm,
        Tensor radius, double sign, Tensor? finite, Tensor y);

    /// <summary>y = scale·(the gradient), or y += that.</summary>
    public abstract void Combine(MultiTensorLayout layout, in UpdateGradient gradient, Tensor weights, double scale, bool accumulate,
        Tensor y);

    /// <summary>The same in float64, for a sum of many.</summary>
    public abstract void Accumulate(MultiTensorLayout layout, in UpdateGradient gradient, Tensor weights, double scale, bool accumulate,
        Tensor y);

    /// <summary>y = x, a sum that <see cref="Accumulate"/> has made, in the type of the weights.</summary>
    public abstract void Narrow(MultiTensorLayout layout, Tensor x, Tensor y);

    /// <summary>y = standard normal numbers of one call; padding and frozen parts are not touched.</summary>
    public abstract void FillNormal(MultiTensorLayout layout, Tensor y, in RandomCall call);

    /// <summary>y = factor·target + (1 - factor)·y; frozen parts are not touched.</summary>
    public abstract void Lerp(MultiTensorLayout layout, Tensor y, Tensor target, Tensor factor);

    /// <summary>The same for any single tensor; integers are mixed in float32 and truncated.</summary>
    public abstract void Lerp(Tensor y, Tensor target, Tensor factor);

    /// <summary>coefficients = (a, b) and squaredNorm of the combined gradient; see
    /// <see cref="MultiTensorOps.OrthogonalCoefficients"/>.</summary>
    public abstract void OrthogonalCoefficients(Tensor products, Tensor directionSquaredNorm, double sign, double alpha, bool isNormalized,
        Tensor coefficients, Tensor combinedSquaredNorm);

    /// <summary>last[0] = factor·value[0], in float64; sum[0] += last[0].</summary>
    public abstract void Record(Tensor value, double factor, Tensor last, Tensor sum);

    /// <summary>Adds the losses of a mini-batch to an epoch's sums; see <see cref="MultiTensorOps.AddLosses"/>.</summary>
    public abstract void AddLosses(Tensor losses, int chunks, long samples, Tensor keep, Tensor sums);

    /// <summary>flag[0] = 0 where an element of x is not finite.</summary>
    public abstract void RequireFinite(Tensor x, Tensor flag);

    /// <summary>y = x where flag[0] is 0; same type and count.</summary>
    public abstract void CopyIfZero(Tensor flag, Tensor x, Tensor y);

    /// <summary>Fills the control block for the update to come.</summary>
    public abstract void BeginUpdate(Tensor squaredNorm, Tensor flag, double maxNorm, UpdateControl control);

    /// <summary>One step of SGD or SGDW.</summary>
    public abstract void SgdUpdate(MultiTensorLayout layout, Tensor weights, in UpdateGradient gradient, Tensor? momentum, in SgdRule rule,
        UpdateControl control);

    /// <summary>One step of Adam or AdamW.</summary>
    public abstract void AdamUpdate(MultiTensorLayout layout, Tensor weights, in UpdateGradient gradient, Tensor first, Tensor second,
        in AdamRule rule, UpdateControl control);
}
