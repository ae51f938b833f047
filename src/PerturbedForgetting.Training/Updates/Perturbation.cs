using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Training.Updates;

/// <summary>
/// The perturbation of one chunk of samples: its direction and the weights moved along it. The perturbed weights are a buffer of their own
/// that the model views while it is asked to (<see cref="View"/>); the weights themselves are never written. Running statistics move while
/// the direction is made, if the model is in training mode. Radius, number of the perturbation and what is measured are
/// <see cref="StepNumbers"/>, which somebody brings to the device before (<see cref="StepNumbers.Begin"/>).
/// </summary>
/// <example><code>
/// using var numbers = new StepNumbers(device, dropoutStreams: 0);
/// var perturbation = new Perturbation(model, layout, options, loss, numbers);
/// numbers.Begin(new(Radius: 0.1, ShrinkFactor: 0, KeepsAverages: true, perturbation.NoiseCalls), [], opensWindow: true);
/// perturbation.Make(images, labels, chunk: 0, direction);
/// using (perturbation.View())
///     logits = model.Call(images);
/// </code></example>
sealed class Perturbation
{
    readonly Module model;
    readonly MultiTensorLayout layout;
    readonly PerturbationOptions options;
    readonly LossFunction loss;
    readonly StepNumbers numbers;

    /// <param name="model">Its parameters are in the arena of <paramref name="layout"/>.</param>
    /// <param name="layout">Layout of the weights.</param>
    /// <param name="options">Which perturbation.</param>
    /// <param name="trainingLoss">What it increases where the options name no loss.</param>
    /// <param name="numbers">Radius and number of the perturbation, and what is measured.</param>
    /// <exception cref="ArgumentException">Options that contradict each other.</exception>
    public Perturbation(Module model, MultiTensorLayout layout, PerturbationOptions options, LossFunction trainingLoss, StepNumbers numbers)
    {
        options.Validate();
        (this.model, this.layout, this.options, loss, this.numbers) = (model, layout, options, options.Loss ?? trainingLoss, numbers);
        Weights = layout.Arena.NewBuffer();
    }

    /// <summary>The perturbed weights of the last chunk, flat.</summary>
    public Tensor Weights { get; }

    /// <summary>Random directions drawn so far.</summary>
    public long NoiseCalls { get; set; }

    /// <summary>The move adds the gradient of the perturbation loss, but by the reference's convention subtracts noise.</summary>
    public double Sign => options.IsRandom ? -1 : 1;

    /// <summary>Makes the direction and the perturbed weights of a chunk.</summary>
    /// <param name="images">Its samples.</param>
    /// <param name="labels">Their labels.</param>
    /// <param name="chunk">Number of the chunk in its batch, from 0.</param>
    /// <param name="direction">Flat buffer that receives the direction, before it is normalised.</param>
    public void Make(Tensor images, Tensor labels, int chunk, Tensor direction)
    {
        using var range = Ranges.Push(RangeKind.Pass, "perturb");
        using (Scope.Begin())
        {
            if (options.IsRandom)
            {
                // Still done for the running statistics and for the reported loss.
                using (GradMode.NoGrad())
                    Record(loss(model.Call(images), labels));
                options.Noise.Fill(layout, direction, numbers.NoiseCalls, chunk);
                NoiseCalls++;
            }
            else
            {
                layout.Arena.ViewGradients(direction);
                var value = loss(model.Call(images), labels);
                value.Backward();
                layout.Arena.CompleteGradients();
                Record(value);
            }
        }
        MultiTensorOps.SquaredNorm(layout, direction, options.NormWeighting, numbers.DirectionSquaredNorm);
        MultiTensorOps.StepAlong(layout, direction, options.StepWeighting, numbers.DirectionSquaredNorm, numbers.Radius, Sign, Weights,
            numbers.Finite);
    }

    /// <summary>Makes the model's parameters show the perturbed weights until the result is disposed.</summary>
    public Viewing View()
    {
        layout.Arena.ViewWeights(Weights);
        return new(layout.Arena);
    }

    void Record(Tensor perturbLoss) => MultiTensorOps.Record(perturbLoss, -1, numbers.PerturbLoss, numbers.PerturbLossSum);

    /// <summary>Puts the weights back into the model's view.</summary>
    public readonly struct Viewing(ParameterArena arena) : IDisposable
    {
        public void Dispose() => arena.ViewWeights(arena.Weights);
    }
}
