using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Nn;

namespace PerturbedForgetting.Training.Updates;

/// <summary>All that a recorded step depends on beside what lies on the device: a step of the same kind makes the same launches.</summary>
readonly record struct StepKind(nint Images, Shape ImageShape, nint Labels, Shape LabelShape, DType LabelType, UpdateWindow Window,
    bool Diagnostics);

/// <summary>What a step leaves behind on the host, to be put back after each replay.</summary>
/// <param name="Gradient">Where the gradient of the window is.</param>
/// <param name="View">Where the parameters' gradients lie.</param>
/// <param name="DropoutCalls">Masks drawn from each dropout stream.</param>
/// <param name="NoiseCalls">Random directions drawn.</param>
sealed record StepTrace(UpdateGradient Gradient, GradientView View, ulong[] DropoutCalls, long NoiseCalls);

/// <summary>
/// The steps of a run as graphs. A kind of step runs as it is the first time, which brings kernels, plans and memory into being, is
/// recorded the second time and replayed from then on. All of it happens in a pool of memory of its own, which nobody else is given.
/// The kinds that were used last are kept.
/// </summary>
/// <param name="device">A device with graphs.</param>
sealed class StepGraphs(Device device) : IDisposable
{
    /// <summary>Kinds that are kept: two buffers of input, for the first, the inner and the last batch of a window and of an epoch's
    /// shorter last one.</summary>
    const int Most = 16;

    readonly MemoryPool pool = device.CreatePool();
    // The one used last comes first.
    readonly List<(StepKind Kind, DeviceGraph? Graph, StepTrace? Trace)> kinds = [];

    /// <summary>Graphs recorded so far.</summary>
    public int Recorded { get; private set; }

    /// <summary>Does a step, recorded where it can be.</summary>
    /// <param name="kind">Of the step.</param>
    /// <param name="step">The device's part of it.</param>
    /// <param name="trace">Asked after it: what it left behind.</param>
    /// <returns>What to put back where the step was replayed; none where it ran, or was recorded, now.</returns>
    public StepTrace? Run(in StepKind kind, Action step, Func<StepTrace> trace)
    {
        if (Take(kind) is not { } known)
        {
            using (device.UsePool(pool))
                step();
            Put((kind, null, null));
            return null;
        }
        bool isRecorded = known.Graph is not null;
        if (!isRecorded)
        {
            using (device.UsePool(pool))
                known = (kind, device.Capture(step), trace());
            Recorded++;
        }
        Put(known);
        known.Graph!.Launch();
        return isRecorded ? known.Trace : null;
    }

    /// <summary>Frees the graphs and their memory.</summary>
    public void Dispose()
    {
        foreach (var (_, graph, _) in kinds)
            graph?.Dispose();
        kinds.Clear();
        pool.Dispose();
    }

    (StepKind Kind, DeviceGraph? Graph, StepTrace? Trace)? Take(in StepKind kind)
    {
        for (int i = 0; i < kinds.Count; i++)
        {
            var found = kinds[i];
            if (found.Kind != kind)
                continue;
            kinds.RemoveAt(i);
            return found;
        }
        return null;
    }

    void Put((StepKind Kind, DeviceGraph? Graph, StepTrace? Trace) known)
    {
        kinds.Insert(0, known);
        if (kinds.Count <= Most)
            return;
        kinds[^1].Graph?.Dispose();
        kinds.RemoveAt(kinds.Count - 1);
    }
}
