using PerturbedForgetting.Tensors.Backends;
using PerturbedForgetting.Tensors.Nn;

namespace PerturbedForgetting.Tensors.Autograd;

/// <summary>One direction in the space of the weights: its part for every parameter, and where the product with the Hessian goes; or the
/// gradient itself, whose parts for the parameters go nowhere.</summary>
sealed class TangentLane
{
    readonly Dictionary<Parameter, (Tensor Vector, Tensor Product)> parts = [];
    readonly HashSet<Parameter> arrived = [];

    TangentLane(int index) => Index = index;

    /// <param name="index">Its number.</param>
    /// <param name="arena">Whose parameters.</param>
    /// <param name="vector">The direction, a buffer of the arena.</param>
    /// <param name="product">Another, into which the product is written.</param>
    public TangentLane(int index, ParameterArena arena, Tensor vector, Tensor product) : this(index)
    {
        foreach (var segment in arena.Segments)
        {
            if (segment.Parameter.IsTrainable)
                parts.Add(segment.Parameter, (ParameterArena.Slice(vector, segment), ParameterArena.Slice(product, segment)));
        }
    }

    /// <summary>The gradient itself.</summary>
    public static TangentLane Primal { get; } = new(-1);

    /// <summary>Its number among the directions.</summary>
    public int Index { get; }

    /// <summary>Whether it is a direction.</summary>
    public bool IsTangent => Index >= 0;

    /// <summary>The direction's part for a parameter; none for one that does not move.</summary>
    public Tensor? TangentOf(Parameter parameter) => parts.TryGetValue(parameter, out var part) ? part.Vector : null;

    /// <summary>As <see cref="Parameter.GradTarget"/>, for the product; none where nobody wants it.</summary>
    public Tensor? Target(Parameter parameter, out bool accumulate)
    {
        accumulate = false;
        if (!parts.TryGetValue(parameter, out var part))
            return null;
        accumulate = !arrived.Add(parameter);
        return part.Product;
    }

    /// <summary>As <see cref="Parameter.AddGradient"/>.</summary>
    public void AddGradient(Parameter parameter, Tensor contribution)
    {
        if (Target(parameter, out bool accumulate) is not { } target)
            return;
        if (accumulate)
            target.Backend.Map(Binary.Add, target, contribution, target);
        else
            target.Backend.Copy(contribution, target);
    }

    /// <summary>Zeroes the parts of the product that nothing has reached.</summary>
    public void Complete()
    {
        foreach (var (parameter, part) in parts)
            if (!arrived.Contains(parameter))
                part.Product.Fill(0);
    }
}
