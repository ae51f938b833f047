using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Nn;

namespace PerturbedForgetting.Training.Hessian;

/// <summary>
/// A symmetric matrix H over the weights of a model, known by its products with vectors. Vectors and products are buffers of the arena
/// (<see cref="ParameterArena.NewBuffer"/>): norms, dot products and sums of them are passes of <see cref="MultiTensorOps"/> on the
/// device. Frozen parameters and the padding between parameters are zero in every product, and vectors are zero there.
/// </summary>
interface ISymmetricOperator
{
    /// <summary>How vectors and products are laid out.</summary>
    MultiTensorLayout Layout { get; }

    /// <summary>Vectors that one call takes at most. Several at once cost less each, and take more memory.</summary>
    int BlockSize { get; }

    /// <summary>products[i] = H · vectors[i].</summary>
    /// <param name="vectors">1 to <see cref="BlockSize"/> buffers of the arena.</param>
    /// <param name="products">As many others, overwritten; none of them is one of the vectors.</param>
    /// <param name="stop">Ends it between two batches.</param>
    /// <exception cref="OperationCanceledException">It was ended; the products are undefined.</exception>
    void Multiply(IReadOnlyList<Tensor> vectors, IReadOnlyList<Tensor> products, CancellationToken stop = default);
}
