using System.Globalization;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Updates;

namespace PerturbedForgetting.Training.Forgetting;

/// <summary>How what a perturbation follows becomes a move of the weights.</summary>
/// <param name="Steps">Steps of a part of the radius each.</param>
/// <param name="Asam">Where the direction is scaled by |w| + η.</param>
/// <param name="Eta">η; 0 where nothing is scaled.</param>
/// <param name="Scaled">Which parameters are scaled; all likewise.</param>
/// <param name="Moved">Which parameters are moved.</param>
/// <param name="Norm">What the direction is divided by.</param>
sealed record PerturbationForm(int Steps, AsamPlace Asam, double Eta, AsamParameters Scaled, PerturbedParameters Moved,
    PerturbationNorm Norm)
{
    /// <summary>One step of the length ρ, of all parameters alike.</summary>
    public static readonly PerturbationForm Plain =
        new(1, AsamPlace.Off, 0, AsamParameters.All, PerturbedParameters.All, PerturbationNorm.L2);

    /// <summary>Names of <see cref="Fields"/>.</summary>
    public static readonly IReadOnlyList<string> Columns =
        ["steps", "asam", "asam_eta", "asam_params", "perturb_params", "perturb_norm"];

    /// <summary>What the options ask for, in every combination that differs from the others.</summary>
    public static IReadOnlyList<PerturbationForm> Grid(ForgettingOptions options) =>
    [
        .. (from steps in options.ObfSteps
            from asam in PerturbationChoices.Asam.Parse(options.Asam)
            from eta in options.AsamEta
            from scaled in PerturbationChoices.Scaled.Parse(options.AsamParams)
            from moved in PerturbationChoices.Parameters.Parse(options.PerturbParams)
            from norm in PerturbationChoices.Norms.Parse(options.PerturbNorm)
            select Of((int)steps, asam, eta, scaled, moved, norm)).Distinct(),
    ];

    /// <summary>The options of a perturbation of this form.</summary>
    /// <param name="options">What it follows.</param>
    public PerturbationOptions Of(PerturbationOptions options) => options with
    {
        Steps = Steps,
        Parameters = Moved,
        Norm = Norm,
        IsAdaptive = Asam != AsamPlace.Off,
        ScalesBeforeNorm = Asam is AsamPlace.Before or AsamPlace.Both,
        ScalesAfterNorm = Asam is AsamPlace.After or AsamPlace.Both,
        Eta = Eta,
        ScaledParameters = Scaled,
    };

    /// <summary>The form as fields of a table; what means nothing to it is empty.</summary>
    public IEnumerable<string> Fields =>
    [
        Steps.ToString(CultureInfo.InvariantCulture), PerturbationChoices.Asam.NameOf(Asam),
        Asam == AsamPlace.Off ? "" : Eta.ToString(CultureInfo.InvariantCulture),
        Asam == AsamPlace.Off ? "" : PerturbationChoices.Scaled.NameOf(Scaled),
        PerturbationChoices.Parameters.NameOf(Moved), PerturbationChoices.Norms.NameOf(Norm),
    ];

    /// <summary>What differs from the plain form, for example <c> steps 3 asam both eta 0.01 of weight</c>.</summary>
    public override string ToString() => (Steps == 1 ? "" : FormattableString.Invariant($" steps {Steps}"))
        + (Asam == AsamPlace.Off ? "" : $" asam {PerturbationChoices.Asam.NameOf(Asam)}")
        + (Eta == 0 ? "" : FormattableString.Invariant($" eta {Eta}"))
        + (Scaled == AsamParameters.All ? "" : $" of {PerturbationChoices.Scaled.NameOf(Scaled)}")
        + (Moved == PerturbedParameters.All ? "" : $" params {PerturbationChoices.Parameters.NameOf(Moved)}")
        + (Norm == PerturbationNorm.L2 ? "" : " not normalised");

    /// <summary>The same form in one way only: without a norm there is no before and after, and without ASAM nothing is scaled.</summary>
    static PerturbationForm Of(int steps, AsamPlace asam, double eta, AsamParameters scaled, PerturbedParameters moved,
        PerturbationNorm norm) => asam == AsamPlace.Off
        ? Plain with { Steps = steps, Moved = moved, Norm = norm }
        : new(steps, norm == PerturbationNorm.None && asam == AsamPlace.After ? AsamPlace.Before : asam, eta, scaled, moved, norm);
}
