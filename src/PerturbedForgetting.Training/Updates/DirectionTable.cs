using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Training.Updates;

/// <summary>What directions are made of.</summary>
/// <param name="Layout">The parameters that are perturbed.</param>
/// <param name="Options">Numbers of the kinds.</param>
/// <param name="Numbers">What the host says to a batch.</param>
/// <param name="Average">The optimizer's average of gradients, where it has one.</param>
sealed record DirectionParts(MultiTensorLayout Layout, PerturbationOptions Options, StepNumbers Numbers, Tensor? Average);

/// <summary>A kind of direction.</summary>
/// <param name="Kind">Its value.</param>
/// <param name="Title">What a run says of it.</param>
/// <param name="Source">The paper.</param>
/// <param name="Passes">Forward and backward passes of an update, that of the training loss included.</param>
/// <param name="Buffers">Buffers of the size of the weights that it adds to those of SAM, with the copies for updates that are left
/// out.</param>
/// <param name="FollowsLoss">Whether it depends on the perturbation loss.</param>
/// <param name="Make">Makes one.</param>
sealed record DirectionRow(SamDirection Kind, string Title, string Source, double Passes, int Buffers, bool FollowsLoss,
    Func<DirectionParts, Direction> Make);

/// <summary>The directions that <c>--sam-direction</c> and the prefix <c>randsam_</c> choose from.</summary>
static class DirectionTable
{
    /// <summary>One row a kind.</summary>
    public static IReadOnlyList<DirectionRow> Rows { get; } =
    [
        new(SamDirection.Gradient, "the gradient", "Foret et al., ICLR 2021", 2, 0, true, static _ => new GradientDirection()),
        new(SamDirection.Random, "random", "the reference", 1.5, 0, false,
            static p => new RandomDirection(p.Layout, p.Options.Noise, p.Numbers)),
        new(SamDirection.Friendly, "friendly", "Li et al., CVPR 2024", 2, 3, true,
            static p => new FriendlyDirection(p.Layout, p.Options.FriendlySigma, p.Options.FriendlyLambda)),
        new(SamDirection.VarianceSuppressed, "variance-suppressed", "Li and Giannakis, NeurIPS 2023", 2, 2, true,
            static p => new VarianceSuppressedDirection(p.Layout, p.Options.VassoTheta)),
        new(SamDirection.Momentum, "the optimiser's momentum", "Becker et al., 2024", 1, 0, false, static p =>
            new MomentumDirection(p.Average ?? throw new ArgumentException(
                $"{TrainOptions.SamDirectionOption} momentum needs an optimizer with {TrainOptions.MomentumOption} above 0."))),
    ];

    /// <summary>The row of a kind.</summary>
    public static DirectionRow Of(SamDirection kind) => Rows.First(r => r.Kind == kind);
}
