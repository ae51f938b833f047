using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Tensors.Profiling;
using PerturbedForgetting.Training.Optimizers;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Training.Updates;

/// <summary>
/// The perturbation of one chunk of samples: its direction and the weights moved along it. The perturbed weights are a buffer of their own
/// that the model views while it is asked to (<see cref="View()"/>); the weights themselves are never written. Running statistics move
/// while the direction is made, if the model is in training mode. Radius, number of the perturbation and what is measured are
/// <see cref="StepNumbers"/>, which somebody brings to the device before (<see cref="StepNumbers.Begin"/>).
/// </summary>
/// <example><code>
/// using var numbers = new StepNumbers(device, dropoutStreams: 0);
/// using var perturbation = new Perturbation(model, layout, options, loss, numbers);
/// numbers.Begin(new(Radius: 0.1, ShrinkFactor: 0, KeepsAverages: true, perturbation.NoiseCalls, options.Steps), [], opensWindow: true);
/// perturbation.Make(images, labels, chunk: 0, gradient);
/// using (perturbation.View())
///     logits = model.Call(images);
/// </code></example>
sealed class Perturbation : IDisposable
{
    readonly MultiTensorLayout layout, moved;
    readonly PerturbationOptions options;
    readonly StepNumbers numbers;
    readonly Direction direction;
    readonly AdaptiveScaling? scaling;
    readonly Tensor? one, otherWeights, innerGradient, difference;
    Tensor? masked;

    /// <param name="model">Its parameters are in the arena of <paramref name="layout"/>.</param>
    /// <param name="layout">Layout of the weights.</param>
    /// <param name="options">Which perturbation.</param>
    /// <param name="trainingLoss">What it increases where the options name no loss.</param>
    /// <param name="numbers">Radius and number of the perturbation, and what is measured.</param>
    /// <param name="optimizer">The rule of the update, whose momentum some directions follow.</param>
    /// <exception cref="ArgumentException">Options that contradict each other.</exception>
    public Perturbation(Module model, MultiTensorLayout layout, PerturbationOptions options, LossFunction trainingLoss, StepNumbers numbers,
        Optimizer? optimizer = null)
    {
        options.Validate();
        (this.layout, this.options, this.numbers) = (layout, options, numbers);
        var arena = layout.Arena;
        Pass = new AscentPass(model, arena, options.Loss ?? trainingLoss, numbers);
        var includes = PerturbedSegments.Of(model, arena, options.Parameters);
        moved = includes is null ? layout : new MultiTensorLayout(arena, includes: includes);
        direction = DirectionTable.Of(options.Kind).Make(new(moved, options, numbers, optimizer?.Average));
        (Weights, Direction) = (arena.NewBuffer(), arena.Gradients);
        if (options.HasOwnScaling)
            scaling = new AdaptiveScaling(moved, options.Eta, options.ScaledParameters);
        if (options.Norm == PerturbationNorm.None)
            one = Tensor.Persistent([1], DType.Float64, Weights.Device).Fill(1);
        if (options.Steps == 1)
            return;
        (otherWeights, innerGradient) = (arena.NewBuffer(), arena.NewBuffer());
        difference = Tensor.Persistent([2], DType.Float64, Weights.Device).CopyFrom<double>([1, -1]);
    }

    /// <summary>The perturbed weights of the last chunk, flat.</summary>
    public Tensor Weights { get; }

    /// <summary>The direction of the last chunk, flat and before it is scaled and normalised; undefined where parameters are not
    /// perturbed.</summary>
    public Tensor Direction { get; private set; }

    /// <summary>Passes of the perturbation loss.</summary>
    public AscentPass Pass { get; }

    /// <summary>Random directions drawn so far.</summary>
    public long NoiseCalls { get; set; }

    /// <summary>1 where the move adds the direction, -1 where it subtracts it.</summary>
    public int Sign => direction.Sign;

    /// <inheritdoc cref="Updates.Direction.HasCleanPass"/>
    public bool HasCleanPass => direction.HasCleanPass;

    /// <inheritdoc cref="Updates.Direction.HasCleanGradient"/>
    public bool HasCleanGradient => direction.HasCleanGradient;

    /// <summary>What the direction keeps from one perturbation to the next, by the names in a checkpoint.</summary>
    public IReadOnlyList<(string Name, Tensor Tensor)> State => direction.State;

    /// <summary>Makes the direction and the perturbed weights of a chunk.</summary>
    /// <param name="images">Its samples.</param>
    /// <param name="labels">Their labels.</param>
    /// <param name="chunk">Number of the chunk in its batch, from 0.</param>
    /// <param name="buffer">Flat buffer that receives the gradient of the perturbation loss, if one is taken.</param>
    public void Make(Tensor images, Tensor labels, int chunk, Tensor buffer)
    {
        using var range = Ranges.Push(RangeKind.Pass, "perturb");
        Direction = direction.Make(Pass, images, labels, chunk, buffer);
        if (options.IsRandom)
            NoiseCalls++;
        // Of two buffers that take turns, the last step ends in that of the perturbed weights.
        bool isOdd = options.Steps % 2 == 1;
        Tensor to = isOdd ? Weights : otherWeights!, from = isOdd ? otherWeights! : Weights;
        Move(Direction, layout.Arena.Weights, to, numbers.DirectionSquaredNorm);
        for (int step = 1; step < options.Steps; step++)
        {
            (from, to) = (to, from);
            using (View(from))
                Pass.InnerGradient(images, labels, innerGradient!);
            Move(innerGradient!, from, to, numbers.InnerSquaredNorm);
        }
    }

    /// <summary>Makes the model's parameters show the perturbed weights until the result is disposed.</summary>
    public Viewing View() => View(Weights);

    /// <summary>The direction as GSAM takes it apart, once it was made: 0 where parameters are not perturbed.</summary>
    public (Tensor Values, Weighting Weighting) Scaled()
    {
        if (scaling is not null)
            return (scaling.Scaled(Direction, options.DirectionWeighting), Weighting.None);
        if (moved == layout)
            return (Direction, options.DirectionWeighting);
        masked ??= layout.Arena.NewBuffer();
        MultiTensorOps.Combine(moved, new(Direction), 1, accumulate: false, masked);
        return (masked, options.DirectionWeighting);
    }

    /// <summary>Measures the move of the last chunk, for <see cref="Norm"/>.</summary>
    public void Measure()
    {
        if (innerGradient is not null)
        {
            MultiTensorOps.Combine(moved, new(Weights, layout.Arena.Weights, Weighting.None, difference), 1, accumulate: false,
                innerGradient);
            MultiTensorOps.SquaredNorm(moved, innerGradient, Weighting.None, numbers.PerturbationSquaredNorm);
        }
        else if (scaling is not null)
        {
            scaling.SquaredNorm(Direction, options.StepWeighting, numbers.PerturbationSquaredNorm);
        }
        else
        {
            MultiTensorOps.SquaredNorm(moved, Direction, options.StepWeighting, numbers.PerturbationSquaredNorm);
        }
    }

    /// <summary>L2 norm of the direction, before it was normalised; waits for the device.</summary>
    public double DirectionNorm() => Math.Sqrt(numbers.DirectionSquaredNorm.Item());

    /// <summary>L2 norm of the move that was measured; waits for the device.</summary>
    public double Norm()
    {
        double norm = Math.Sqrt(numbers.PerturbationSquaredNorm.Item());
        return options.Steps > 1 ? norm : numbers.Radius.Item() * norm / (one is null ? DirectionNorm() + 1e-12 : 1);
    }

    /// <summary>Frees all but the weights and gradients of the arena.</summary>
    public void Dispose()
    {
        foreach (var buffer in (ReadOnlySpan<Tensor?>)[Weights, otherWeights, innerGradient, masked])
            if (buffer is not null)
                layout.Arena.Free(buffer);
        direction.Dispose();
        scaling?.Dispose();
        one?.Dispose();
        difference?.Dispose();
        if (moved != layout)
            moved.Dispose();
    }

    Viewing View(Tensor weights)
    {
        layout.Arena.ViewWeights(weights);
        return new(layout.Arena);
    }

    /// <summary>Moves weights along a direction by the radius of a step.</summary>
    void Move(Tensor along, Tensor from, Tensor to, Tensor squaredNorm)
    {
        var weighting = options.StepWeighting;
        if (scaling is null)
        {
            MultiTensorOps.SquaredNorm(moved, along, options.NormWeighting, squaredNorm, from);
        }
        else
        {
            scaling.Follow(from);
            scaling.SquaredNorm(along, options.NormWeighting, squaredNorm);
            (along, weighting) = (scaling.Scaled(along, weighting), Weighting.None);
        }
        MultiTensorOps.StepAlong(moved, along, weighting, one ?? squaredNorm, numbers.StepRadius, Sign, to, numbers.Finite, from);
    }

    /// <summary>Puts the weights back into the model's view.</summary>
    public readonly struct Viewing(ParameterArena arena) : IDisposable
    {
        public void Dispose() => arena.ViewWeights(arena.Weights);
    }
}
