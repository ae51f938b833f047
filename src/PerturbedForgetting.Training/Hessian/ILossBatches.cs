using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Training.Hessian;

/// <summary>The images that a loss is the mean over, in batches.</summary>
interface ILossBatches
{
    /// <summary>How many there are.</summary>
    long Images { get; }

    /// <summary>Every image once, in the same batches each time.</summary>
    /// <param name="stop">Ends it early.</param>
    /// <returns>Images [n, ...] and Int32 labels [n] on the model's device, each batch valid until the next is asked for.</returns>
    IEnumerable<(Tensor Images, Tensor Labels)> Read(CancellationToken stop);
}
