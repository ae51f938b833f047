using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Tensors.Autograd;

/// <summary>Walks the graph from a tensor back to the parameters.</summary>
static class BackwardPass
{
    [ThreadStatic] static List<Node>? order;
    [ThreadStatic] static HashSet<Node>? seen;
    [ThreadStatic] static Stack<Node>? pending;

    public static void Run(Tensor root, Tensor? gradient)
    {
        if (root.Node is not { } start)
            throw new InvalidOperationException(
                "There is nothing to go back through: the tensor was made without gradients, or from no trainable parameter.");
        if (gradient is null && root.Count != 1)
            throw new InvalidOperationException($"Only a scalar starts a backward pass by itself; give a gradient for {root.Shape}.");
        if (gradient is not null && (gradient.Shape != root.Shape || gradient.DType != root.DType))
            throw new ArgumentException($"The gradient of {root} has its shape and type, not those of {gradient}.", nameof(gradient));
        using var range = Ranges.Push(RangeKind.Pass, "backward");
        using var noGrad = GradMode.NoGrad();
        using var pass = Scope.BeginHidden();
        var nodes = Collect(start);
        try
        {
            using (Scope.Begin())
            {
                if (gradient is null && start.StartsFromOne)
                    start.ReceiveOne();
                else
                    start.Receive(gradient ?? Tensor.Ones(root.Shape, root.DType, root.Device));
            }
            var slices = GradientSlices.Take();
            if (slices is not null)
                GradientSlices.Note(nodes);
            for (int i = 0; i < nodes.Count; i++)
            {
                using var scope = Scope.Begin();
                nodes[i].Run();
                slices?.Ran(nodes[i], i);
            }
        }
        catch
        {
            // What has arrived is of no use to another pass, and the tensors that hold it are about to be used again.
            foreach (var node in nodes)
                node.Free();
            throw;
        }
        finally
        {
            nodes.Clear();
        }
    }

    /// <summary>Every node the root depends on, latest first.</summary>
    internal static List<Node> Collect(Node start)
    {
        order ??= [];
        seen ??= [];
        pending ??= new Stack<Node>();
        order.Clear();
        seen.Clear();
        pending.Clear();
        seen.Add(start);
        pending.Push(start);
        while (pending.TryPop(out var node))
        {
            order.Add(node);
            foreach (var input in node.Inputs)
                if (input.Node is { } next && seen.Add(next))
                    pending.Push(next);
        }
        seen.Clear();
        order.Sort(static (a, b) => b.Id.CompareTo(a.Id));
        return order;
    }
}
