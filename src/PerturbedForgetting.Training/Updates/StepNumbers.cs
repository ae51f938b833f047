using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Training.Updates;

/// <summary>What the host says to a mini-batch before it begins.</summary>
/// <param name="Radius">Radius of the perturbation.</param>
/// <param name="ShrinkFactor">Share of the initial state that is mixed in.</param>
/// <param name="KeepsAverages">Whether the reference's averages go on rather than begin anew.</param>
/// <param name="NoiseCalls">Random directions drawn before.</param>
/// <param name="Steps">Steps that share the radius.</param>
readonly record struct StepInputs(double Radius, double ShrinkFactor, bool KeepsAverages, long NoiseCalls, int Steps = 1);

/// <summary>
/// The numbers of a step that stay on the device, float64, until somebody wants to see them. Those that the host changes from batch to
/// batch come first and arrive by one upload, together with the zeros that sums begin at.
/// </summary>
sealed class StepNumbers : IDisposable
{
    readonly Tensor block, inputs, inputsOfFirst;
    readonly double[] host;
    int used;

    /// <param name="device">Where the step runs.</param>
    /// <param name="dropoutStreams">Streams of dropout masks whose calls are counted.</param>
    public StepNumbers(Device device, int dropoutStreams)
    {
        block = Tensor.Persistent([dropoutStreams + 29], DType.Float64, device).Fill(0);
        DropoutCalls = [.. Enumerable.Range(0, dropoutStreams).Select(_ => Next(1).Reinterpret(DType.Int64))];
        NoiseCalls = Next(1).Reinterpret(DType.Int64);
        (Radius, StepRadius, ShrinkFactor, KeepsAverages) = (Next(1), Next(1), Next(1), Next(1));
        Losses = Next(4);
        (Loss, LossSum, PerturbLoss, PerturbLossSum) = (Losses.Rows(0, 1), Losses.Rows(1, 1), Losses.Rows(2, 1), Losses.Rows(3, 1));
        inputs = block.Rows(0, used);
        Finite = Next(1);
        inputsOfFirst = block.Rows(0, used);
        (DirectionSquaredNorm, Products, Coefficients, GradientSquaredNorm) = (Next(1), Next(3), Next(2), Next(1));
        (PerturbationSquaredNorm, CleanProducts, LossTotals, InnerSquaredNorm) = (Next(1), Next(3), Next(7), Next(1));
        host = new double[inputsOfFirst.Count];
    }

    /// <summary>Masks drawn from each dropout stream before the batch, int64.</summary>
    public IReadOnlyList<Tensor> DropoutCalls { get; }

    /// <summary>Random directions drawn before the batch, int64.</summary>
    public Tensor NoiseCalls { get; }

    public Tensor Radius { get; }

    /// <summary>Radius of one of the steps of a perturbation.</summary>
    public Tensor StepRadius { get; }

    public Tensor ShrinkFactor { get; }

    /// <summary>0 where the reference's averages begin anew.</summary>
    public Tensor KeepsAverages { get; }

    /// <summary>The next four in one.</summary>
    public Tensor Losses { get; }

    /// <summary>Training loss of the last chunk.</summary>
    public Tensor Loss { get; }

    public Tensor LossSum { get; }

    /// <summary>Perturbation loss of the last chunk, with the reference's sign.</summary>
    public Tensor PerturbLoss { get; }

    public Tensor PerturbLossSum { get; }

    /// <summary>1, or 0 once a direction of the window was not finite.</summary>
    public Tensor Finite { get; }

    /// <summary>Squared norm of the direction of the perturbation, of its first step if there are several.</summary>
    public Tensor DirectionSquaredNorm { get; }

    /// <summary>The same of the later steps.</summary>
    public Tensor InnerSquaredNorm { get; }

    /// <summary>Products of gradient and direction.</summary>
    public Tensor Products { get; }

    /// <summary>Coefficients of gradient and direction in the combined gradient.</summary>
    public Tensor Coefficients { get; }

    /// <summary>Squared norm of the gradient of the update.</summary>
    public Tensor GradientSquaredNorm { get; }

    /// <summary>Σ (|w|ᵏ·d)², for the norm of the perturbation; the squared norm itself where it was made in several steps.</summary>
    public Tensor PerturbationSquaredNorm { get; }

    /// <summary>Products of the perturbed and the clean gradient.</summary>
    public Tensor CleanProducts { get; }

    /// <summary>Sums behind the epoch's averages, as <see cref="Updates.LossTotals"/> names them.</summary>
    public Tensor LossTotals { get; }

    /// <summary>Brings the numbers of a batch to the device; sums of losses begin at 0 and, in a new window, everything is finite so
    /// far.</summary>
    public void Begin(in StepInputs values, ReadOnlySpan<ulong> dropoutCalls, bool opensWindow)
    {
        int i = 0;
        foreach (ulong calls in dropoutCalls)
            host[i++] = BitConverter.UInt64BitsToDouble(calls);
        host[i++] = BitConverter.Int64BitsToDouble(values.NoiseCalls);
        host[i++] = values.Radius;
        host[i++] = values.Radius / values.Steps;
        host[i++] = values.ShrinkFactor;
        host[i] = values.KeepsAverages ? 1 : 0;
        host[^1] = 1;
        var target = opensWindow ? inputsOfFirst : inputs;
        target.CopyFrom((ReadOnlySpan<double>)host.AsSpan(0, (int)target.Count));
    }

    public void Dispose() => block.Dispose();

    Tensor Next(int count) => block.Rows((used += count) - count, count);
}
