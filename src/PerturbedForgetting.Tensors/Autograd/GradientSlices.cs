using PerturbedForgetting.Tensors.Nn;

namespace PerturbedForgetting.Tensors.Autograd;

/// <summary>
/// Parts of an arena's gradients that are told as soon as they are whole, while a backward pass goes on with earlier layers: so that
/// something can be done with them meanwhile. The order hangs on the graph alone.
/// </summary>
/// <example><code>
/// slices.Watch((first, count) => communicator.BeginAllReduce(arena.Gradients.Rows(first, count), ReduceOperation.Mean));
/// loss.Backward();
/// arena.CompleteGradients();
/// slices.End();
/// </code></example>
public sealed class GradientSlices
{
    [ThreadStatic] static GradientSlices? current;

    readonly Slice[] slices;
    Action<int, int>? whole;

    /// <param name="arena">The parameters.</param>
    /// <param name="elements">How many elements a slice has at least, but for the last; parameters are not cut.</param>
    public GradientSlices(ParameterArena arena, long elements)
    {
        List<Slice> made = [];
        // From the last layers, whose gradients come first.
        for (int last = arena.Segments.Count - 1; last >= 0;)
        {
            long end = last + 1 < arena.Segments.Count ? arena.Segments[last + 1].Offset : arena.Count;
            int first = last;
            while (first > 0 && end - arena.Segments[first].Offset < elements)
                first--;
            Slice slice = new(arena.Segments[first].Offset, end, last - first + 1);
            for (int i = first; i <= last; i++)
                arena.Segments[i].Parameter.Slice = slice;
            made.Add(slice);
            last = first - 1;
        }
        slices = [.. made];
    }

    /// <summary>How many there are.</summary>
    public int Count => slices.Length;

    /// <summary>Listens to the backward pass that comes next on this thread, and to no other.</summary>
    /// <param name="whole">Told each slice of the flat gradients once, when nothing will be added to it any more: its first element, and
    /// how many there are.</param>
    public void Watch(Action<int, int> whole)
    {
        this.whole = whole;
        foreach (var slice in slices)
            slice.Missing = slice.Parameters;
        current = this;
    }

    /// <summary>Forgets that the next backward pass of this thread was to be listened to.</summary>
    public static void Forget() => current = null;

    /// <summary>The one that listens to the backward pass which begins.</summary>
    internal static GradientSlices? Take()
    {
        var taken = current;
        current = null;
        return taken;
    }

    /// <summary>Tells what is left: parts with parameters that no gradient has reached.</summary>
    public void End()
    {
        foreach (var slice in slices)
        {
            if (slice.Missing > 0)
                Tell(slice);
        }
        whole = null;
    }

    /// <summary>Notes which node of a pass is the last to give a parameter a gradient.</summary>
    /// <param name="nodes">In the order in which they run.</param>
    internal static void Note(List<Node> nodes)
    {
        for (int i = 0; i < nodes.Count; i++)
        {
            foreach (var input in nodes[i].Inputs)
                if (input is Parameter parameter)
                    parameter.LastUse = i;
        }
    }

    /// <summary>A node has run.</summary>
    internal void Ran(Node node, int index)
    {
        foreach (var input in node.Inputs)
        {
            if (input is not Parameter { HasGrad: true, Slice: { } slice } parameter || parameter.LastUse != index)
                continue;
            // An operation may read a parameter twice.
            parameter.LastUse = -1;
            if (--slice.Missing == 0)
                Tell(slice);
        }
    }

    void Tell(Slice slice)
    {
        slice.Missing = 0;
        whole!((int)slice.Offset, (int)(slice.End - slice.Offset));
    }

    /// <summary>A part of the arena.</summary>
    /// <param name="offset">First element.</param>
    /// <param name="end">Behind the last.</param>
    /// <param name="parameters">Parameters in it.</param>
    internal sealed class Slice(long offset, long end, int parameters)
    {
        public long Offset => offset;

        public long End => end;

        public int Parameters => parameters;

        /// <summary>Parameters whose gradients are not whole yet.</summary>
        public int Missing { get; set; }
    }
}
