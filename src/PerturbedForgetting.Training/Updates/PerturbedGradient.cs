using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Tensors.Profiling;
using PerturbedForgetting.Training.Optimizers;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Training.Updates;

/// <summary>
/// The gradient of the training loss at perturbed weights: SAM (Foret et al., ICLR 2021), GSAM, ASAM, their random-direction forms,
/// and the paper's perturbations by another loss. <see cref="Perturbation"/> is the first pass; here is the second, and what is made of
/// both gradients. Beside weights and gradients it keeps one buffer of the arena's size (perturbed weights), one in float64 when gradients
/// are summed over chunks or batches, and another where the direction is still wanted after the second pass (GSAM, diagnostics);
/// otherwise the second gradient overwrites it. The sum is in float64 so that it hangs neither on the order of its terms nor on how many
/// processes have made them.
/// </summary>
sealed class PerturbedGradient : IDisposable
{
    readonly Module model;
    readonly MultiTensorLayout layout;
    readonly PerturbationOptions options;
    readonly LossFunction loss;
    readonly StepNumbers numbers;
    readonly GradientExchange exchange;
    readonly Perturbation perturbation;
    readonly KeptState keptState;
    readonly LookSam? look;
    readonly Tensor? shares;
    Tensor? sums, keptGradient;
    bool diagnostics;

    public PerturbedGradient(Module model, Optimizer optimizer, StepOptions options, StepNumbers numbers, GradientExchange exchange)
    {
        (this.options, this.exchange) = (options.Perturbation!, exchange);
        (this.model, layout, loss, this.numbers) = (model, optimizer.Layout, options.Loss, numbers);
        perturbation = new Perturbation(model, layout, this.options, loss, numbers, optimizer);
        if (this.options.LookAlpha != 0)
            look = new LookSam(layout, this.options.LookAlpha);
        State = look is null ? perturbation.State : [.. perturbation.State, look.State];
        keptState = new KeptState(State);
        if (this.options.Weight != 1)
            shares = Tensor.Persistent([2], DType.Float64, layout.Arena.Weights.Device)
                .CopyFrom<double>([this.options.Weight, 1 - this.options.Weight]);
    }

    /// <summary>What is kept from one perturbation to the next, by the names in a checkpoint.</summary>
    public IReadOnlyList<(string Name, Tensor Tensor)> State { get; }

    /// <summary>The same as it was before the first batch of the open window.</summary>
    public IEnumerable<(string Name, Tensor Tensor)> StateBefore => keptState.Copies;

    /// <summary>Whether there are both gradients, so that the angle between them can be measured.</summary>
    public bool HasCleanGradient => perturbation.HasCleanGradient;

    /// <summary>Whether the gradients of updates that are not perturbed are changed too.</summary>
    public bool ChangesOthers => look is not null;

    /// <summary>The sum of the gradients of a window so far, float64, flat.</summary>
    public Tensor Sums => sums ??= Tensor.Persistent(layout.Arena.Weights.Shape, DType.Float64, layout.Arena.Weights.Device).Fill(0);

    /// <summary>Random directions drawn so far.</summary>
    public long NoiseCalls
    {
        get => perturbation.NoiseCalls;
        set => perturbation.NoiseCalls = value;
    }

    /// <summary>What the host does before a batch.</summary>
    /// <param name="samples">Samples of the batch.</param>
    /// <param name="divisor">Batches of its window.</param>
    /// <param name="diagnostics">Whether the norm of the perturbation and the cosine of both gradients are wanted, at 12 bytes a
    /// parameter.</param>
    /// <returns>Perturbations of the batch.</returns>
    public int Prepare(int samples, int divisor, bool diagnostics)
    {
        this.diagnostics = diagnostics;
        int chunks = Chunks(samples);
        // Before a step is recorded.
        if (divisor * chunks > 1)
            _ = Sums;
        if (KeepsGradient)
            keptGradient ??= layout.Arena.NewBuffer();
        return chunks;
    }

    bool KeepsGradient => diagnostics || options.Alpha != 0 || look is not null || shares is not null;

    /// <summary>Perturbations of a batch of this size.</summary>
    /// <exception cref="ArgumentException">The chunks do not divide the batch.</exception>
    int Chunks(int batch)
    {
        int size = options.ChunkSize <= 0 ? batch : options.ChunkSize;
        return size <= batch && batch % size == 0
            ? batch / size
            : throw new ArgumentException($"{TrainOptions.SharpnessMOption} {size} must divide the batch, which has {batch} samples.");
    }

    /// <summary>Adds the gradient of a batch, after <see cref="Prepare"/>, to what the window has so far.</summary>
    /// <param name="images">The batch.</param>
    /// <param name="labels">Its labels.</param>
    /// <param name="window">Its place among the batches of an update.</param>
    /// <returns>Where the gradient of the window is: in float64 if it is a sum.</returns>
    public UpdateGradient Batch(Tensor images, Tensor labels, UpdateWindow window)
    {
        int chunks = Chunks(images.Shape[0]), size = images.Shape[0] / chunks;
        int parts = window.Divisor * chunks;
        var target = layout.Arena.Gradients;
        var first = KeepsGradient ? keptGradient! : target;
        UpdateGradient gradient = default;
        for (int c = 0; c < chunks; c++)
        {
            var (x, y) = (images.Rows(c * size, size), labels.Rows(c * size, size));
            WindowSum? sum = parts > 1 ? new(Sums, parts, IsBegun: !window.IsFirst || c > 0) : null;
            // Nobody else looks at the gradient of the pass then.
            bool isLast = window.IsLast && c == chunks - 1 && !KeepsGradient;
            perturbation.Make(x, y, c, first);
            if (isLast)
                exchange.Watch(sum);
            Descend(x, y, target);
            if (isLast)
                exchange.EndWatch();
            gradient = Decompose(target);
            if (diagnostics)
                Measure(first, target);
            look?.Remember(first, target, 1.0 / parts, accumulate: !window.IsFirst || c > 0);
            if (shares is not null)
                MultiTensorOps.Combine(layout, new(target, first, Weighting.None, shares), 1, accumulate: false, target);
            if (!isLast)
                sum?.Add(layout, gradient);
        }
        return parts > 1 ? new(Sums) : gradient;
    }

    /// <summary>The gradient of an update that is not perturbed.</summary>
    /// <param name="gradient">Of its window.</param>
    public UpdateGradient Unperturbed(Tensor gradient) => look?.Apply(gradient) ?? new(gradient);

    /// <summary>Keeps what the direction remembers, before the first batch of a window.</summary>
    public void SaveState() => keptState.Save();

    /// <summary>Puts it back where the update was left out.</summary>
    public void RestoreStateIfZero(Tensor proceed) => keptState.RestoreIfZero(proceed);

    /// <summary>Keeps the perturbation loss of a batch that is not perturbed.</summary>
    /// <param name="logits">Of the batch.</param>
    /// <param name="labels">Its labels.</param>
    /// <param name="trainingLoss">Its training loss.</param>
    public void RecordUnperturbed(Tensor logits, Tensor labels, Tensor trainingLoss)
    {
        if (options.Loss is null || !perturbation.HasCleanPass)
            perturbation.Pass.Record(trainingLoss);
        else
            perturbation.Pass.Record(logits, labels);
    }

    /// <summary>L2 norm of the last direction, before it was normalised; waits for the device.</summary>
    public double DirectionNorm() => perturbation.DirectionNorm();

    /// <summary>L2 norm of the last move, with diagnostics; waits for the device.</summary>
    public double PerturbationNorm() => perturbation.Norm();

    /// <summary>Frees what does not belong to the arena.</summary>
    public void Dispose()
    {
        perturbation.Dispose();
        keptState.Dispose();
        look?.Dispose();
        shares?.Dispose();
        sums?.Dispose();
    }

    /// <summary>Second pass: the gradient of the training loss at the perturbed weights.</summary>
    void Descend(Tensor images, Tensor labels, Tensor target)
    {
        using var range = Ranges.Push(RangeKind.Pass, "descend");
        using var scope = Scope.Begin();
        layout.Arena.ViewGradients(target);
        if (perturbation.HasCleanPass)
        {
            using var held = BatchNormStatistics.Hold();
            Backward(images, labels);
        }
        else
        {
            perturbation.Pass.Record(Backward(images, labels));
        }
        layout.Arena.CompleteGradients();
    }

    Tensor Backward(Tensor images, Tensor labels)
    {
        using var perturbed = perturbation.View();
        var value = loss(model.Call(images), labels);
        value.Backward();
        MultiTensorOps.Record(value, 1, numbers.Loss, numbers.LossSum);
        return value;
    }

    /// <summary>GSAM's combination, as coefficients that the next pass applies.</summary>
    UpdateGradient Decompose(Tensor gradient)
    {
        if (options.Alpha == 0)
            return new(gradient);
        var (direction, weighting) = perturbation.Scaled();
        MultiTensorOps.Products(layout, gradient, direction, weighting, numbers.Products);
        MultiTensorOps.OrthogonalCoefficients(numbers.Products, numbers.DirectionSquaredNorm, -perturbation.Sign, options.Alpha,
            options.IsDirectionNormalized, numbers.Coefficients, numbers.GradientSquaredNorm);
        return new(gradient, direction, weighting, numbers.Coefficients);
    }

    void Measure(Tensor clean, Tensor gradient)
    {
        perturbation.Measure();
        if (perturbation.HasCleanGradient)
            MultiTensorOps.Products(layout, gradient, clean, Weighting.None, numbers.CleanProducts);
    }
}
