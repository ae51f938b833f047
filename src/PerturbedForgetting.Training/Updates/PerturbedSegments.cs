using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Training.Updates;

/// <summary>
/// The parameters that a perturbation moves (Müller et al., "Normalization layers are all that sharpness-aware minimization needs", NeurIPS
/// 2023: those of normalisation layers alone, or all others).
/// </summary>
static class PerturbedSegments
{
    /// <summary>What tells them apart; none where they are all.</summary>
    /// <exception cref="ArgumentException">The model has none of the kind.</exception>
    public static Func<ParameterSegment, bool>? Of(Module model, ParameterArena arena, PerturbedParameters which)
    {
        if (which == PerturbedParameters.All)
            return null;
        HashSet<Parameter> norms = [.. model.Modules().Where(static m => m is BatchNorm2d or LayerNorm)
            .SelectMany(static m => m.NamedParameters().Select(static p => p.Parameter))];
        Func<ParameterSegment, bool> includes = which == PerturbedParameters.Norm
            ? s => norms.Contains(s.Parameter)
            : s => !norms.Contains(s.Parameter);
        return arena.Segments.Any(s => s.Parameter.IsTrainable && includes(s)) ? includes : throw new ArgumentException(
            $"{TrainOptions.PerturbParamsOption}: the model has no trained parameters of this kind, so that nothing would be perturbed; "
            + "use all.");
    }
}
