using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Random;

namespace PerturbedForgetting.Training.Sharpness;

/// <summary>Where the random directions of <c>randsam_</c> come from.</summary>
public interface IPerturbationNoise
{
    /// <summary>Fills a flat buffer of an arena with one direction.</summary>
    /// <param name="layout">Layout of the buffer.</param>
    /// <param name="buffer">Receives the direction.</param>
    /// <param name="call">Number of the perturbation in the run, from 0.</param>
    void Fill(MultiTensorLayout layout, Tensor buffer, long call);
}

/// <summary>Independent standard normal numbers from Philox; the same on every device and after a resume.</summary>
/// <param name="seed">Seed of the run.</param>
public sealed class PhiloxNoise(ulong seed) : IPerturbationNoise
{
    /// <inheritdoc/>
    public void Fill(MultiTensorLayout layout, Tensor buffer, long call) =>
        MultiTensorOps.FillNormal(layout, buffer, seed, Streams.Perturbation | (ulong)call);
}
