using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Distributed;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Nn;

namespace PerturbedForgetting.Training.Updates;

/// <summary>
/// The mean of a window's gradient over the processes that train together: in place, and where the last backward pass of the window makes
/// the gradient itself or its last term, slice by slice while that pass goes on.
/// </summary>
/// <param name="layout">Layout of the weights.</param>
/// <param name="communicator">The processes.</param>
/// <param name="rounds">Whether gradients travel rounded to bfloat16.</param>
sealed class GradientExchange(MultiTensorLayout layout, Communicator communicator, bool rounds) : IDisposable
{
    /// <summary>Elements of the longest and of the shortest slice, 16 MiB and 256 KiB: long enough for the speed of a network, short enough
    /// that little is left when the last layer is done. Between them a slice is an eighth of the arena.</summary>
    const long Longest = 4 << 20, Shortest = 64 << 10;

    readonly ParameterArena arena = layout.Arena;
    readonly GradientSlices? slices = communicator.Size > 1
        ? new(layout.Arena, Math.Clamp(layout.Arena.Count / 8, Shortest, Longest))
        : null;
    // Of the slices by their first elements, where sums are added up.
    readonly Dictionary<int, MultiTensorLayout> layouts = [];
    WindowSum? sum;
    bool hasBegun;

    /// <summary>Says that the backward pass which comes next makes, in the arena, the last of the window's gradient.</summary>
    /// <param name="sum">What that is to be added to; null where it is the window's gradient itself.</param>
    public void Watch(WindowSum? sum = null)
    {
        this.sum = sum;
        slices?.Watch(Begin);
    }

    /// <summary>Says that it has.</summary>
    public void EndWatch()
    {
        if (slices is null)
            sum?.Add(layout, new(arena.Gradients));
        slices?.End();
        hasBegun = true;
    }

    /// <summary>Makes the gradient of a window and its flag those of all processes.</summary>
    /// <param name="mine">The gradient of this process.</param>
    /// <param name="finite">float64[1]: 0 where something of this process was not finite.</param>
    /// <returns>The gradient; one buffer.</returns>
    public UpdateGradient Complete(UpdateGradient mine, Tensor finite)
    {
        if (communicator.Size == 1)
            return mine;
        if (mine.Direction is not null)
        {
            MultiTensorOps.Combine(layout, mine, 1, accumulate: false, mine.Values);
            mine = new(mine.Values);
        }
        if (rounds && mine.Values.DType != arena.Gradients.DType)
        {
            if (!hasBegun)
                MultiTensorOps.Narrow(layout, mine.Values, arena.Gradients);
            mine = new(arena.Gradients);
        }
        if (!hasBegun)
            Begin(mine.Values);
        hasBegun = false;
        communicator.BeginAllReduce(finite, ReduceOperation.Min);
        communicator.Complete();
        return mine;
    }

    /// <summary>Frees what belongs to it.</summary>
    public void Dispose()
    {
        foreach (var part in layouts.Values)
            part.Dispose();
    }

    /// <summary>A slice is whole in the arena.</summary>
    void Begin(int first, int count)
    {
        var gradients = arena.Gradients;
        if (sum is { } window)
        {
            if (!layouts.TryGetValue(first, out var part))
                layouts.Add(first, part = new(arena, includes: s => s.Offset >= first && s.Offset < first + count));
            window.Add(part, new(gradients));
            if (rounds)
                MultiTensorOps.Narrow(part, window.Values, gradients);
            else
                gradients = window.Values;
        }
        Begin(gradients.Rows(first, count));
    }

    void Begin(Tensor values)
    {
        if (rounds)
            communicator.BeginAllReduceRounded(values, ReduceOperation.Mean);
        else
            communicator.BeginAllReduce(values, ReduceOperation.Mean);
    }
}
