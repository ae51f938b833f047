using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Tensors.Profiling;
using PerturbedForgetting.Training.Updates;

namespace PerturbedForgetting.Training.Hessian;

/// <summary>
/// The Hessian, by the trainable weights, of a loss over a whole split, in evaluation mode: H = Σ_b n_b H_b / Σ_b n_b over its batches of
/// n_b images, whose losses are means over them. Products are exact (<see cref="HessianProducts"/>), and how the split is cut into batches
/// changes nothing but roundings.
/// </summary>
/// <param name="model">The model; its mode is as it was after each product.</param>
/// <param name="layout">Of its arena.</param>
/// <param name="loss">Mean over the images of a batch.</param>
/// <param name="batches">The split.</param>
/// <param name="blockSize">Vectors that are multiplied at once, at most.</param>
sealed class LossHessian(Module model, MultiTensorLayout layout, LossFunction loss, ILossBatches batches,
    int blockSize = LossHessian.DefaultBlockSize) : ISymmetricOperator
{
    /// <summary>Two vectors cost 2.33 gradients each, and take three times the activations of a gradient.</summary>
    public const int DefaultBlockSize = 2;

    /// <inheritdoc/>
    public MultiTensorLayout Layout => layout;

    /// <inheritdoc/>
    public int BlockSize { get; } = blockSize >= 1
        ? blockSize
        : throw new ArgumentOutOfRangeException(nameof(blockSize), $"A block has one vector at least, not {blockSize}.");

    /// <summary>Hears, after each batch of a product, how many batches are done.</summary>
    public Action<int>? BatchDone { get; init; }

    /// <inheritdoc/>
    public void Multiply(IReadOnlyList<Tensor> vectors, IReadOnlyList<Tensor> products, CancellationToken stop = default)
    {
        if (vectors.Count > BlockSize)
            throw new ArgumentException($"At most {BlockSize} vectors are multiplied at once, not {vectors.Count}.", nameof(vectors));
        bool wasTraining = model.Training;
        model.Train(false);
        try
        {
            var sums = new HessianProducts(layout.Arena, vectors, products);
            int done = 0;
            foreach (var (images, labels) in batches.Read(stop))
            {
                stop.ThrowIfCancellationRequested();
                using (Ranges.Push(RangeKind.Step, "Hessian product"))
                using (Scope.Begin())
                using (GradMode.SecondOrder())
                    sums.Add(loss(model.Call(images), labels), (double)images.Shape[0] / batches.Images);
                BatchDone?.Invoke(++done);
            }
            stop.ThrowIfCancellationRequested();
            sums.Complete();
        }
        finally
        {
            model.Train(wasTraining);
        }
    }
}
