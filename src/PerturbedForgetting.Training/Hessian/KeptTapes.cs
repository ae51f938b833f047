using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Autograd;

namespace PerturbedForgetting.Training.Hessian;

/// <summary>
/// The graphs and gradients of a split's first batches, as many as fit into memory, which stay from one product with the Hessian to the
/// next: a product with them costs two gradients in place of 2.67. Products have the same bits with them and without, however many fit.
/// They hold for weights that stay as they are; other weights that are viewed between two products do not matter.
/// </summary>
/// <param name="device">Where the model is.</param>
/// <param name="budget">Bytes that they may take; while one is being made, they take those of one batch more.</param>
sealed class KeptTapes(Device device, double budget) : IDisposable
{
    readonly List<(HessianTape Tape, int Images, long Bytes)> batches = [];
    long largest;
    bool isFull;

    /// <summary>How many there are.</summary>
    public int Count => batches.Count;

    /// <summary>Images in them.</summary>
    public long Images => batches.Sum(static b => (long)b.Images);

    /// <summary>What they take.</summary>
    public long Bytes => batches.Sum(static b => b.Bytes);

    /// <summary>That of a batch, from 0.</summary>
    public HessianTape this[int batch] => batches[batch].Tape;

    /// <summary>Whether the next batch may be kept.</summary>
    public bool HasRoom => !isFull && Bytes + largest < budget;

    /// <summary>Keeps the next batch.</summary>
    /// <param name="images">Its images, which are copied, since the next batch may overwrite them.</param>
    /// <param name="labels">Its labels; likewise.</param>
    /// <param name="loss">The loss of images and labels, a mean over them.</param>
    /// <param name="weight">Of this batch in the loss of all.</param>
    public HessianTape Record(Tensor images, Tensor labels, Func<Tensor, Tensor, Tensor> loss, double weight)
    {
        long before = device.Memory.Live;
        var tape = HessianTape.Record(() => loss(images.EmptyLike().CopyFrom(images), labels.EmptyLike().CopyFrom(labels)), weight);
        long bytes = device.Memory.Live - before;
        batches.Add((tape, images.Shape[0], bytes));
        largest = Math.Max(largest, bytes);
        return tape;
    }

    /// <summary>Gives the last one back, after its use, where it has turned out to be too large.</summary>
    public void Settle()
    {
        if (Bytes <= budget)
            return;
        isFull = true;
        batches[^1].Tape.Dispose();
        batches.RemoveAt(batches.Count - 1);
    }

    /// <inheritdoc/>
    public void Dispose() => Clear();

    /// <summary>Gives all of them back.</summary>
    public void Clear()
    {
        foreach (var (tape, _, _) in batches)
            tape.Dispose();
        batches.Clear();
    }
}
