using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.MultiTensor;

namespace PerturbedForgetting.Training.Updates;

/// <summary>The sum that the gradient of a chunk or a batch is a term of.</summary>
/// <param name="Values">float64, of the arena's count.</param>
/// <param name="Terms">How many there are in the window, of which it is the mean.</param>
/// <param name="IsBegun">Whether a term has been added before.</param>
readonly record struct WindowSum(Tensor Values, int Terms, bool IsBegun)
{
    /// <summary>Adds a term.</summary>
    /// <param name="layout">What of it is there.</param>
    /// <param name="gradient">The term.</param>
    public void Add(MultiTensorLayout layout, in UpdateGradient gradient) =>
        MultiTensorOps.Accumulate(layout, gradient, 1.0 / Terms, IsBegun, Values);
}
