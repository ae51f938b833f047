using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Tensors.Profiling;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Training.Updates;

/// <summary>
/// The gradient of the training loss at perturbed weights: SAM (Foret et al., ICLR 2021), GSAM, ASAM, their random-direction forms,
/// and the paper's perturbations by another loss. <see cref="Perturbation"/> is the first pass; here is the second, and what is made of both
/// gradients. Beside weights and gradients it keeps one buffer of the arena's size (perturbed weights), a second when gradients are
/// accumulated over chunks or batches, and another where the direction is still wanted after the second pass (GSAM, diagnostics);
/// otherwise the second gradient overwrites it.
/// </summary>
sealed class PerturbedGradient
{
    readonly Module model;
    readonly MultiTensorLayout layout;
    readonly PerturbationOptions options;
    readonly LossFunction loss;
    readonly StepNumbers numbers;
    readonly Perturbation perturbation;
    Tensor? chunkGradient, keptDirection;
    Tensor direction;
    bool diagnostics;

    public PerturbedGradient(Module model, MultiTensorLayout layout, StepOptions options, StepNumbers numbers)
    {
        this.options = options.Perturbation!;
        (this.model, this.layout, loss, this.numbers) = (model, layout, options.Loss, numbers);
        perturbation = new Perturbation(model, layout, this.options, loss, numbers);
        direction = layout.Arena.Gradients;
    }

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
        if (divisor * chunks > 1)
            chunkGradient ??= layout.Arena.NewBuffer();
        if (KeepsDirection)
            keptDirection ??= layout.Arena.NewBuffer();
        return chunks;
    }

    bool KeepsDirection => diagnostics || options.Alpha != 0;

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
    /// <param name="divisor">Batches of the window.</param>
    /// <param name="hasGradient">Whether an earlier batch of the window has left its gradient in the arena.</param>
    /// <returns>Where the gradient of the window is.</returns>
    public UpdateGradient Batch(Tensor images, Tensor labels, int divisor, bool hasGradient)
    {
        int chunks = Chunks(images.Shape[0]), size = images.Shape[0] / chunks;
        var accumulated = layout.Arena.Gradients;
        int parts = divisor * chunks;
        var target = parts > 1 ? chunkGradient! : accumulated;
        direction = KeepsDirection ? keptDirection! : target;
        UpdateGradient gradient = default;
        for (int c = 0; c < chunks; c++)
        {
            var (x, y) = (images.Rows(c * size, size), labels.Rows(c * size, size));
            perturbation.Make(x, y, c, direction);
            Descend(x, y, target);
            gradient = Decompose(target);
            if (diagnostics)
                Measure(target);
            if (parts > 1)
                MultiTensorOps.Combine(layout, gradient, 1.0 / parts, accumulate: hasGradient || c > 0, accumulated);
        }
        return parts > 1 ? new(accumulated) : gradient;
    }

    /// <summary>Second pass: the gradient of the training loss at the perturbed weights.</summary>
    void Descend(Tensor images, Tensor labels, Tensor target)
    {
        using var range = Ranges.Push(RangeKind.Pass, "descend");
        var arena = layout.Arena;
        using var scope = Scope.Begin();
        using var held = BatchNormStatistics.Hold();
        arena.ViewGradients(target);
        using (perturbation.View())
        {
            var value = loss(model.Call(images), labels);
            value.Backward();
            MultiTensorOps.Record(value, 1, numbers.Loss, numbers.LossSum);
        }
        arena.CompleteGradients();
    }

    /// <summary>GSAM's combination, as coefficients that the next pass applies.</summary>
    UpdateGradient Decompose(Tensor gradient)
    {
        if (options.Alpha == 0)
            return new(gradient);
        MultiTensorOps.Products(layout, gradient, direction, options.DirectionWeighting, numbers.Products);
        MultiTensorOps.OrthogonalCoefficients(numbers.Products, numbers.DirectionSquaredNorm, -perturbation.Sign, options.Alpha,
            options.IsDirectionNormalized, numbers.Coefficients, numbers.GradientSquaredNorm);
        return new(gradient, direction, options.DirectionWeighting, numbers.Coefficients);
    }

    void Measure(Tensor gradient)
    {
        MultiTensorOps.SquaredNorm(layout, direction, options.StepWeighting, numbers.PerturbationSquaredNorm);
        MultiTensorOps.Products(layout, gradient, direction, Weighting.None, numbers.CleanProducts);
    }
}
