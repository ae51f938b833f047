using System.Runtime.InteropServices;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Tensors.Autograd;

/// <summary>
/// Exact products of the Hessian of a loss with several vectors at once, by forward over backward differentiation (Pearlmutter, "Fast
/// exact multiplication by the Hessian", Neural Computation 1994): tangents of all activations are carried forward beside those of the
/// forward pass, and tangents of all gradients backward beside those of the backward pass. No second graph is made. The Hessian is that of
/// Σ weight · loss over the losses that are added, by the trainable parameters of an arena.
/// </summary>
/// <example><code>
/// var products = new HessianProducts(arena, [v], [hv]);
/// foreach (var (images, labels) in batches)
/// {
///     using var scope = Scope.Begin();
///     using var second = GradMode.SecondOrder();
///     products.Add(Ops.CrossEntropy(model.Call(images), labels), weight: (double)images.Shape[0] / total);
/// }
/// products.Complete();
/// </code></example>
/// <remarks>
/// A gradient costs three products of matrices for every layer; b vectors together cost 2 + 6b, since the part of the gradient that is
/// the weights' is not needed: 2.67 gradients for one vector, 2.33 each for two, 2.17 each for four. Of a <see cref="HessianTape"/>, which
/// has the 2 already, it is 2 gradients a vector. Memory: what the backward pass of a batch keeps, and the same again for each vector.
/// </remarks>
public sealed class HessianProducts
{
    readonly TangentLane[] lanes;

    /// <summary>Begins products of one Hessian.</summary>
    /// <param name="arena">Its parameters; those that are frozen have no part in the Hessian.</param>
    /// <param name="vectors">Buffers of the arena.</param>
    /// <param name="products">As many others, overwritten but for the padding between the parameters and for frozen ones, which stay as
    /// they are: zero in a new buffer.</param>
    /// <exception cref="ArgumentException">There are none, or not as many, or one has not the arena's layout.</exception>
    public HessianProducts(ParameterArena arena, IReadOnlyList<Tensor> vectors, IReadOnlyList<Tensor> products)
    {
        if (vectors.Count == 0 || products.Count != vectors.Count)
            throw new ArgumentException($"Each vector has a product of its own; there are {vectors.Count} and {products.Count}.");
        foreach (var buffer in vectors.Concat(products))
            arena.Require(buffer);
        if (products.Distinct().Except(vectors).Count() != products.Count)
            throw new ArgumentException("A product is written to a buffer of its own, which is none of the vectors.");
        lanes = [.. vectors.Select((vector, i) => new TangentLane(i, arena, vector, products[i]))];
    }

    /// <summary>products += weight · Hessian of the loss · vectors. The graph of the loss is used up, as by a backward pass.</summary>
    /// <param name="loss">A scalar, recorded while <see cref="GradMode.SecondOrder"/> held, with modules in evaluation mode.</param>
    /// <param name="weight">Of this loss in the sum.</param>
    /// <exception cref="InvalidOperationException">The loss leads to no parameter, its graph was already used, or it was not recorded for a
    /// second differentiation.</exception>
    /// <exception cref="NotSupportedException">An operation has no second derivative here, such as batch norm in training mode.</exception>
    public void Add(Tensor loss, double weight = 1)
    {
        var start = HessianTape.StartOf(loss);
        using var range = Ranges.Push(RangeKind.Pass, "Hessian product");
        using var noGrad = GradMode.NoGrad();
        using var pass = Scope.BeginHidden();
        var nodes = BackwardPass.Collect(start);
        try
        {
            Forward(CollectionsMarshal.AsSpan(nodes));
            HessianTape.Begin(start, weight);
            foreach (var node in nodes)
            {
                node.RunPrimal();
                node.RunTangents(lanes);
                node.Free();
            }
        }
        finally
        {
            foreach (var node in nodes)
                node.Free();
            nodes.Clear();
        }
    }

    /// <summary>The same for a loss whose graph was kept, with its weight; it may be used again.</summary>
    /// <exception cref="ObjectDisposedException">It is gone.</exception>
    /// <exception cref="NotSupportedException">As above.</exception>
    public void Add(HessianTape tape)
    {
        using var range = Ranges.Push(RangeKind.Pass, "Hessian product");
        using var noGrad = GradMode.NoGrad();
        using var pass = Scope.BeginHidden();
        var nodes = tape.Nodes;
        try
        {
            Forward(nodes);
            foreach (var node in nodes)
                node.RunTangents(lanes);
        }
        finally
        {
            foreach (var node in nodes)
                node.FreeTangents();
        }
    }

    /// <summary>Zeroes the parts of the products that belong to parameters on which no loss depends.</summary>
    public void Complete()
    {
        foreach (var lane in lanes)
            lane.Complete();
    }

    void Forward(ReadOnlySpan<Node> nodes)
    {
        foreach (var node in nodes)
            node.BeginTangents(lanes.Length);
        foreach (var node in nodes)
            node.CountUses();
        // The last is the loss, whose own tangent nobody needs.
        for (int i = nodes.Length - 1; i > 0; i--)
            nodes[i].MakeTangents(lanes);
    }
}
