using PerturbedForgetting.Tensors.Backends;
using PerturbedForgetting.Tensors.Memory;

namespace PerturbedForgetting.Tensors;

/// <summary>How a weight is laid out in memory, and so how it is written to a PyTorch state dictionary.</summary>
public enum WeightLayout : byte
{
    /// <summary>As in PyTorch.</summary>
    Plain,
    /// <summary>Convolution weight stored O,kh,kw,I; PyTorch's is O,I,kh,kw.</summary>
    Convolution,
}

/// <summary>A trainable weight: a leaf of the tape with a gradient of its own. Its memory is a view of the model's
/// <see cref="Nn.ParameterArena"/> once there is one.</summary>
public sealed class Parameter : Tensor
{
    /// <param name="values">Memory of the weight; the parameter takes it over.</param>
    /// <param name="layout">How it is laid out.</param>
    public Parameter(Tensor values, WeightLayout layout = WeightLayout.Plain)
        : base(values.Storage, 0, values.Shape, values.DType, values.Device) => Layout = layout;

    /// <summary>How it is laid out.</summary>
    public WeightLayout Layout { get; }

    /// <summary>False freezes it: no gradient, no perturbation, no update.</summary>
    public bool IsTrainable { get; set; } = true;

    /// <summary>Weight decay never applies to it, whatever its shape (position embedding, class token).</summary>
    public bool IsDecayExempt { get; init; }

    /// <inheritdoc/>
    public override bool RequiresGrad => IsTrainable;

    /// <summary>The accumulated gradient, of the weight's shape; none before the first backward pass.</summary>
    public Tensor? Grad { get; private set; }

    /// <summary>Whether a gradient has arrived since it was last cleared.</summary>
    public bool HasGrad { get; internal set; }

    /// <summary>The part of an arena that it lies in, where somebody waits for parts.</summary>
    internal Autograd.GradientSlices.Slice? Slice { get; set; }

    /// <summary>Number of the node of a backward pass that gives it the last of its gradient.</summary>
    internal int LastUse { get; set; }

    /// <summary>Forgets the gradient: the next one overwrites instead of adding.</summary>
    public void ClearGrad() => HasGrad = false;

    /// <summary>
    /// The buffer into which a backward kernel writes the gradient of this weight: it must overwrite when
    /// <paramref name="accumulate"/> is false and add when it is true.
    /// </summary>
    internal Tensor GradTarget(out bool accumulate)
    {
        Grad ??= Persistent(Shape, DType, Device);
        accumulate = HasGrad;
        HasGrad = true;
        return Grad;
    }

    internal void AddGradient(Tensor contribution)
    {
        var target = GradTarget(out bool accumulate);
        if (accumulate)
            Backend.Map(Binary.Add, target, contribution, target);
        else
            Backend.Copy(contribution, target);
    }

    /// <summary>Makes the gradient a view of an arena.</summary>
    internal void BindGrad(Storage storage, long offsetBytes)
    {
        Grad?.Dispose();
        Grad = new Tensor(storage, offsetBytes, Shape, DType, Device);
        HasGrad = false;
    }
}
