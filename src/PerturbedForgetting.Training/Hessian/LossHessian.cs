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

    /// <summary>Keeps what products of the same batches with other vectors have in common, from one to the next; none keeps
    /// nothing.</summary>
    public KeptTapes? Tapes { get; init; }

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
            int kept = Tapes?.Count ?? 0, done = 0;
            while (done < kept)
            {
                stop.ThrowIfCancellationRequested();
                using (Ranges.Push(RangeKind.Step, "Hessian product"))
                    sums.Add(Tapes![done]);
                done++;
                BatchDone?.Invoke(done);
            }
            if (kept == 0 || Tapes!.Images < batches.Images)
                AddOthers(sums, done, stop);
            stop.ThrowIfCancellationRequested();
            sums.Complete();
        }
        finally
        {
            model.Train(wasTraining);
        }
    }

    /// <summary>Adds the batches that are not kept, and keeps more of them where there is room.</summary>
    void AddOthers(HessianProducts sums, int done, CancellationToken stop)
    {
        foreach (var (images, labels) in batches.Read(stop).Skip(done))
        {
            stop.ThrowIfCancellationRequested();
            double weight = (double)images.Shape[0] / batches.Images;
            using (Ranges.Push(RangeKind.Step, "Hessian product"))
            {
                if (Tapes is { HasRoom: true } tapes)
                {
                    sums.Add(tapes.Record(images, labels, (x, y) => loss(model.Call(x), y), weight));
                    tapes.Settle();
                }
                else
                {
                    using var scope = Scope.Begin();
                    using var second = GradMode.SecondOrder();
                    sums.Add(loss(model.Call(images), labels), weight);
                }
            }
            done++;
            BatchDone?.Invoke(done);
        }
    }
}
