using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Nn;

namespace PerturbedForgetting.Training.Updates;

/// <summary>The passes of the perturbation loss, at the weights that the model views.</summary>
/// <param name="model">The model.</param>
/// <param name="arena">Its parameters.</param>
/// <param name="loss">What the perturbation increases.</param>
/// <param name="numbers">Where the loss is kept, with the reference's sign.</param>
sealed class AscentPass(Module model, ParameterArena arena, LossFunction loss, StepNumbers numbers)
{
    /// <summary>Forward and backward pass; the loss is kept.</summary>
    public void Gradient(Tensor images, Tensor labels, Tensor destination)
    {
        using var scope = Scope.Begin();
        Record(Backward(images, labels, destination));
    }

    /// <summary>The same at weights that are perturbed already: running statistics stay, and no loss is kept.</summary>
    public void InnerGradient(Tensor images, Tensor labels, Tensor destination)
    {
        using var scope = Scope.Begin();
        using var held = BatchNormStatistics.Hold();
        Backward(images, labels, destination);
    }

    /// <summary>Forward pass alone, for the running statistics and for the loss that is kept.</summary>
    public void Forward(Tensor images, Tensor labels)
    {
        using var scope = Scope.Begin();
        using (GradMode.NoGrad())
            Record(loss(model.Call(images), labels));
    }

    /// <summary>Keeps the loss of logits that somebody else has made at the unperturbed weights.</summary>
    public void Record(Tensor logits, Tensor labels)
    {
        using (GradMode.NoGrad())
            Record(loss(logits, labels));
    }

    /// <summary>Keeps a value of the loss.</summary>
    public void Record(Tensor value) => MultiTensorOps.Record(value, -1, numbers.PerturbLoss, numbers.PerturbLossSum);

    Tensor Backward(Tensor images, Tensor labels, Tensor destination)
    {
        arena.ViewGradients(destination);
        var value = loss(model.Call(images), labels);
        value.Backward();
        arena.CompleteGradients();
        return value;
    }
}
