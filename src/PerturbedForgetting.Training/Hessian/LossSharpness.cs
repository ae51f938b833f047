using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Training.Updates;

namespace PerturbedForgetting.Training.Hessian;

/// <summary>
/// Sharpness as SAM speaks of it (Foret et al., ICLR 2021): how much the loss over a split grows when the weights move by a radius along
/// the gradient, L(w + ρ ∇L / ‖∇L‖) - L(w); and m-sharpness, the mean of that over groups of m images, each of which moves along its own
/// gradient. In evaluation mode.
/// </summary>
sealed class LossSharpness : IDisposable
{
    readonly Module model;
    readonly VectorSpace space;
    readonly LossFunction loss;
    readonly ILossBatches batches;
    readonly MultiTensorLayout layout;
    readonly StepNumbers numbers;
    readonly Lazy<Perturbation> perturbation;

    /// <param name="model">The model; its mode is as it was afterwards.</param>
    /// <param name="space">Vectors of its arena.</param>
    /// <param name="loss">Mean over the images of a batch.</param>
    /// <param name="batches">The split, in a random order where groups are to be random.</param>
    public LossSharpness(Module model, VectorSpace space, LossFunction loss, ILossBatches batches)
    {
        (this.model, this.space, this.loss, this.batches, layout) = (model, space, loss, batches, space.Layout);
        numbers = new StepNumbers(layout.Arena.Weights.Device, dropoutStreams: 0);
        perturbation = new(() => new(model, layout, new PerturbationOptions(), loss, numbers));
    }

    /// <summary>Hears, after each batch of a pass, how many batches are done.</summary>
    public Action<int>? BatchDone { get; init; }

    /// <summary>The mean loss at weights.</summary>
    /// <param name="weights">Flat; other than the model's own they are viewed meanwhile.</param>
    /// <param name="stop">Ends it between two batches.</param>
    /// <exception cref="ArithmeticException">The loss is not finite.</exception>
    public double MeanLoss(Tensor weights, CancellationToken stop)
    {
        using var sums = Sums();
        layout.Arena.ViewWeights(weights);
        try
        {
            InEvaluation(stop, (images, labels) =>
            {
                using (GradMode.NoGrad())
                using (Scope.Begin())
                    MultiTensorOps.Record(loss(model.Call(images), labels), images.Shape[0], sums.Rows(0, 1), sums.Rows(1, 1));
            });
        }
        finally
        {
            layout.Arena.ViewWeights(layout.Arena.Weights);
        }
        return Finite(sums.Rows(1, 1).Item() / batches.Images);
    }

    /// <summary>The gradient of the mean loss.</summary>
    /// <param name="gradient">Receives it.</param>
    /// <param name="stop">Ends it between two batches.</param>
    /// <returns>The mean loss.</returns>
    /// <exception cref="ArithmeticException">The loss is not finite.</exception>
    public double Gradient(Tensor gradient, CancellationToken stop)
    {
        using var sums = Sums();
        Tensor part = space.Rent();
        gradient.Fill(0);
        try
        {
            InEvaluation(stop, (images, labels) =>
            {
                using (Scope.Begin())
                {
                    layout.Arena.ViewGradients(part);
                    var value = loss(model.Call(images), labels);
                    value.Backward();
                    layout.Arena.CompleteGradients();
                    MultiTensorOps.Record(value, images.Shape[0], sums.Rows(0, 1), sums.Rows(1, 1));
                }
                space.Add(gradient, (double)images.Shape[0] / batches.Images, part);
            });
        }
        finally
        {
            layout.Arena.ViewGradients(layout.Arena.Gradients);
            space.Return(part);
        }
        return Finite(sums.Rows(1, 1).Item() / batches.Images);
    }

    /// <summary>The loss after a step along a direction.</summary>
    /// <param name="direction">Flat; zero stays where it is.</param>
    /// <param name="rho">Length of the step.</param>
    /// <param name="stop">Ends it between two batches.</param>
    /// <exception cref="ArithmeticException">The loss is not finite.</exception>
    public double LossAlong(Tensor direction, double rho, CancellationToken stop)
    {
        double length = space.Norm(direction);
        Tensor moved = space.Rent();
        try
        {
            moved.CopyFrom(layout.Arena.Weights);
            if (length > 0)
                space.Add(moved, rho / length, direction);
            return MeanLoss(moved, stop);
        }
        finally
        {
            // Frozen weights were copied too, where vectors are zero.
            moved.Fill(0);
            space.Return(moved);
        }
    }

    /// <summary>m-sharpness: the mean, over groups of m images, of L_G(w + ρ ∇L_G / ‖∇L_G‖) - L_G(w). A group that is not full counts by
    /// its images.</summary>
    /// <param name="m">Images of a group, which lie in one batch.</param>
    /// <param name="rho">Length of the steps.</param>
    /// <param name="stop">Ends it between two batches.</param>
    /// <returns>The mean increase, and how many groups there are.</returns>
    /// <exception cref="ArithmeticException">A loss is not finite.</exception>
    public (double Increase, int Groups) OfGroups(int m, double rho, CancellationToken stop)
    {
        Tensor direction = space.Rent();
        double sum = 0;
        int groups = 0;
        try
        {
            InEvaluation(stop, (images, labels) =>
            {
                for (int first = 0; first < images.Shape[0]; first += m, groups++)
                {
                    int count = Math.Min(m, images.Shape[0] - first);
                    sum += count * Increase(images.Rows(first, count), labels.Rows(first, count));
                }
            });
        }
        finally
        {
            layout.Arena.ViewGradients(layout.Arena.Gradients);
            space.Return(direction);
        }
        return (Finite(sum / batches.Images), groups);

        double Increase(Tensor images, Tensor labels)
        {
            numbers.Begin(new(rho, ShrinkFactor: 0, KeepsAverages: true, NoiseCalls: 0), [], opensWindow: true);
            perturbation.Value.Make(images, labels, chunk: 0, direction);
            using (perturbation.Value.View())
            using (GradMode.NoGrad())
            using (Scope.Begin())
                MultiTensorOps.Record(loss(model.Call(images), labels), 1, numbers.Loss, numbers.LossSum);
            // The perturbation's loss is recorded with its sign reversed.
            return numbers.Loss.Item() + numbers.PerturbLoss.Item();
        }
    }

    /// <summary>Frees the numbers, and the weights of groups.</summary>
    public void Dispose()
    {
        if (perturbation.IsValueCreated)
            perturbation.Value.Dispose();
        numbers.Dispose();
    }

    /// <summary>The last loss times its images, and the sum of those.</summary>
    Tensor Sums() => Tensor.Persistent([2], DType.Float64, layout.Arena.Weights.Device).Fill(0);

    /// <summary>Shows the batches to the model in evaluation mode.</summary>
    void InEvaluation(CancellationToken stop, Action<Tensor, Tensor> batch)
    {
        bool wasTraining = model.Training;
        model.Train(false);
        try
        {
            int done = 0;
            foreach (var (images, labels) in batches.Read(stop))
            {
                stop.ThrowIfCancellationRequested();
                batch(images, labels);
                BatchDone?.Invoke(++done);
            }
            stop.ThrowIfCancellationRequested();
        }
        finally
        {
            model.Train(wasTraining);
        }
    }

    static double Finite(double loss) => double.IsFinite(loss) ? loss
        : throw new ArithmeticException("The loss is not finite, here or a step away.");
}
