using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Random;

namespace PerturbedForgetting.Training.Updates;

/// <summary>Where the random directions of <c>randsam_</c> come from.</summary>
public interface IPerturbationNoise
{
    /// <summary>Fills a flat buffer of an arena with one direction.</summary>
    /// <param name="layout">Layout of the buffer.</param>
    /// <param name="buffer">Receives the direction.</param>
    /// <param name="first">int64[1] on the device: number, in the run and from 0, of the first perturbation of the mini-batch.</param>
    /// <param name="offset">Distance of this perturbation from it.</param>
    void Fill(MultiTensorLayout layout, Tensor buffer, Tensor first, int offset);
}

/// <summary>Independent standard normal numbers from Philox; the same on every device and after a resume.</summary>
/// <param name="seed">Seed of the run.</param>
public sealed class PhiloxNoise(ulong seed) : IPerturbationNoise
{
    /// <inheritdoc/>
    public void Fill(MultiTensorLayout layout, Tensor buffer, Tensor first, int offset) =>
        MultiTensorOps.FillNormal(layout, buffer, seed, Streams.Perturbation + (ulong)offset, first);
}
