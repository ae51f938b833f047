using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Training.Updates;

/// <summary>
/// Where a perturbation goes, before its length is set. Each kind is one class in one file and one row of <see cref="DirectionTable"/>.
/// What it keeps from one perturbation to the next are tensors of the device, so that a step can be recorded and a checkpoint restored.
/// </summary>
abstract class Direction : IDisposable
{
    /// <summary>1 where the weights are moved along the direction, -1 where against it.</summary>
    public virtual int Sign => 1;

    /// <summary>Whether there is a pass at the unperturbed weights, which moves the running statistics and measures the perturbation
    /// loss; without one the only pass is that at the perturbed weights.</summary>
    public virtual bool HasCleanPass => true;

    /// <summary>Whether the buffer that <see cref="Make"/> is given receives the gradient of the perturbation loss.</summary>
    public virtual bool HasCleanGradient => true;

    /// <summary>Makes the direction of a chunk.</summary>
    /// <param name="pass">Passes at the unperturbed weights.</param>
    /// <param name="images">Samples of the chunk.</param>
    /// <param name="labels">Their labels.</param>
    /// <param name="chunk">Number of the chunk in its batch, from 0.</param>
    /// <param name="buffer">Flat buffer of the arena for the gradient of the perturbation loss.</param>
    /// <returns>The direction, flat: the buffer, or one of its own that stays as it is until the next call.</returns>
    public abstract Tensor Make(AscentPass pass, Tensor images, Tensor labels, int chunk, Tensor buffer);

    /// <summary>What it keeps from one perturbation to the next, by the names in a checkpoint.</summary>
    public virtual IReadOnlyList<(string Name, Tensor Tensor)> State => [];

    /// <summary>Frees what it keeps.</summary>
    public virtual void Dispose()
    {
    }
}
