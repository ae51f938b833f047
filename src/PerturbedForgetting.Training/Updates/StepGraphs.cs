using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Training.Updates;

/// <summary>All that a recorded step depends on beside what lies on the device: a step of the same kind makes the same launches.</summary>
readonly record struct StepKind(nint Images, Shape ImageShape, nint Labels, Shape LabelShape, DType LabelType, UpdateWindow Window,
    bool IsPerturbed, bool Diagnostics);

/// <summary>What a step leaves behind on the host, to be put back after each replay.</summary>
/// <param name="Gradient">Where the gradient of the window is.</param>
/// <param name="View">Where the parameters' gradients lie.</param>
/// <param name="DropoutCalls">Masks drawn from each dropout stream.</param>
/// <param name="NoiseCalls">Random directions drawn.</param>
sealed record StepTrace(UpdateGradient Gradient, GradientView View, ulong[] DropoutCalls, long NoiseCalls);

/// <summary>
/// The steps of a run as graphs. A kind of step runs as it is the first time, which brings kernels, plans and memory into being, is
/// recorded the second time and replayed from then on. All of it happens in a pool of memory of its own, which nobody else is given.
/// The kinds that were used last are kept. A device that refuses to record or to replay a step is asked no more: from then on steps run
/// as they are.
/// </summary>
/// <param name="device">A device with graphs.</param>
/// <param name="isRequired">Whether a refusal is an error.</param>
sealed class StepGraphs(Device device, bool isRequired) : IDisposable
{
    /// <summary>Kinds that are kept: two buffers of input, for the first, the inner and the last batch of a window and of an epoch's
    /// shorter last one.</summary>
    const int Most = 16;

    readonly MemoryPool pool = device.CreatePool();
    // The one used last comes first.
    readonly List<(StepKind Kind, DeviceGraph? Graph, StepTrace? Trace)> kinds = [];

    /// <summary>Graphs recorded so far.</summary>
    public int Recorded { get; private set; }

    /// <summary>Whether the device has refused a graph, so that steps run as they are.</summary>
    public bool IsRefused { get; private set; }

    /// <summary>Does a step, recorded where it can be.</summary>
    /// <param name="kind">Of the step.</param>
    /// <param name="step">The device's part of it.</param>
    /// <param name="trace">Asked after it: what it left behind.</param>
    /// <param name="remember">Asked before a step is recorded: what makes the host forget it, in whole or in part, if it is then not
    /// done.</param>
    /// <returns>What to put back where the step was replayed; none where it ran, or was recorded, now.</returns>
    /// <exception cref="DeviceException">The device refuses graphs, and they are required.</exception>
    public StepTrace? Run(in StepKind kind, Action step, Func<StepTrace> trace, Func<Action> remember)
    {
        if (IsRefused)
        {
            RunAsItIs(step);
            return null;
        }
        if (Take(kind) is not { } known)
        {
            RunAsItIs(step);
            Put((kind, null, null));
            return null;
        }
        bool isRecorded = known.Graph is not null;
        Action? takeBack = isRecorded ? null : remember();
        try
        {
            if (!isRecorded)
            {
                using (device.UsePool(pool))
                    known = (kind, device.Capture(step), trace());
                Recorded++;
            }
            known.Graph!.Launch();
        }
        catch (Exception e) when (Device.IsRefusal(e))
        {
            known.Graph?.Dispose();
            takeBack?.Invoke();
            Refuse(e);
            RunAsItIs(step);
            return null;
        }
        Put(known);
        return isRecorded ? known.Trace : null;
    }

    void RunAsItIs(Action step)
    {
        using (device.UsePool(pool))
            step();
    }

    void Refuse(Exception reason)
    {
        Forget();
        IsRefused = true;
        if (isRequired)
            throw new DeviceException($"{device} does not run the step as a CUDA graph, which {TrainOptions.CudaGraphOption} on asks for: "
                + $"{reason.Message} Use {TrainOptions.CudaGraphOption} auto or off.", reason);
        device.Note($"{device} does not run the step as a CUDA graph, so it goes on launch by launch, which is slower where launches are "
            + $"short: {reason.Message} With {TrainOptions.CudaGraphOption} off it is not tried.");
    }

    /// <summary>Frees the graphs and their memory.</summary>
    public void Dispose()
    {
        Forget();
        pool.Dispose();
    }

    void Forget()
    {
        foreach (var (_, graph, _) in kinds)
            graph?.Dispose();
        kinds.Clear();
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
