using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Tensors.Autograd;

/// <summary>
/// The graph of a loss with the gradients of all its tensors, kept: <see cref="HessianProducts.Add(HessianTape)"/> multiplies its Hessian
/// with vectors that are known only later, as those of Lanczos and power iteration are, with neither of the passes that do not depend on
/// them. Products have the same bits as without. Memory: about twice what a backward pass keeps, until it is disposed.
/// </summary>
/// <example><code>
/// using var tape = HessianTape.Record(() => Ops.CrossEntropy(model.Call(images), labels));
/// for (int i = 0; i &lt; steps; i++)
/// {
///     var products = new HessianProducts(arena, [v], [hv]);
///     products.Add(tape);
///     products.Complete();
/// }
/// </code></example>
/// <remarks>It holds as long as the weights have the values that it was recorded with, and must not be used with others; what the loss
/// reads, such as images, must stay as it is, too.</remarks>
public sealed class HessianTape : IDisposable
{
    readonly Scope scope;
    Node[]? nodes;

    HessianTape(Scope scope, Node[] nodes) => (this.scope, this.nodes) = (scope, nodes);

    /// <summary>Every node of the graph, the loss's first.</summary>
    internal ReadOnlySpan<Node> Nodes => nodes ?? throw new ObjectDisposedException(nameof(HessianTape));

    /// <summary>Computes a loss and its gradients, and keeps them.</summary>
    /// <param name="loss">Makes a scalar, with modules in evaluation mode. Tensors that it makes stay, too.</param>
    /// <param name="weight">Of this loss in a sum.</param>
    /// <exception cref="InvalidOperationException">The loss leads to no parameter.</exception>
    public static HessianTape Record(Func<Tensor> loss, double weight = 1)
    {
        var scope = Scope.BeginKept();
        try
        {
            Node start;
            using (GradMode.SecondOrder())
                start = StartOf(loss());
            Node[] nodes = RunPrimal(start, weight);
            scope.Close();
            return new(scope, nodes);
        }
        catch
        {
            scope.Dispose();
            throw;
        }
    }

    /// <summary>Frees all of it.</summary>
    public void Dispose()
    {
        if (nodes is null)
            return;
        nodes = null;
        scope.Release();
    }

    /// <summary>The node of a loss.</summary>
    internal static Node StartOf(Tensor loss)
    {
        if (loss.Node is not { } start)
            throw new InvalidOperationException(
                "There is nothing to differentiate: the loss was made without gradients, or from no trainable parameter.");
        return loss.Count == 1 ? start
            : throw new ArgumentException($"The Hessian is that of a scalar, not of {loss.Shape}.", nameof(loss));
    }

    /// <summary>Gives a loss its weight as gradient.</summary>
    internal static void Begin(Node start, double weight)
    {
        var loss = start.Output!;
        using var scope = Scope.Begin();
        start.Receive(Tensor.Empty(loss.Shape, loss.DType, loss.Device).Fill(weight));
    }

    static Node[] RunPrimal(Node start, double weight)
    {
        using var range = Ranges.Push(RangeKind.Pass, "backward");
        using var noGrad = GradMode.NoGrad();
        using var pass = Scope.BeginHidden();
        var order = BackwardPass.Collect(start);
        Node[] nodes = [.. order];
        order.Clear();
        Begin(start, weight);
        foreach (var node in nodes)
        {
            node.RunPrimal();
            node.KeepGradient();
        }
        return nodes;
    }
}
