using System.Globalization;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Training.Forgetting;

/// <summary>One perturbation of the grid.</summary>
/// <param name="Kind">What it follows.</param>
/// <param name="Rho">Its length.</param>
/// <param name="M">Images that it is made from; of random ones, images that count as its own.</param>
/// <param name="Gamma">Strength of output-bias forgetting; null for others.</param>
/// <param name="C">1/lambda of output-bias forgetting; null for others.</param>
sealed record PerturbationCase(StudiedPerturbation Kind, double Rho, int M, double? Gamma = null, double? C = null)
{
    /// <summary>Name of the kind.</summary>
    public string KindName => StudiedPerturbations.Kinds.NameOf(Kind);

    /// <summary>How what it follows becomes a move of the weights.</summary>
    public PerturbationForm Form { get; init; } = PerturbationForm.Plain;

    /// <summary>Every combination that differs from the others: gamma and C belong to output-bias forgetting, and random directions hang
    /// neither on m nor on where a step before has ended.</summary>
    /// <param name="kinds">What perturbations follow.</param>
    /// <param name="rhos">Lengths.</param>
    /// <param name="ms">Images of a perturbation; random ones take the first.</param>
    /// <param name="gammas">Strengths of output-bias forgetting.</param>
    /// <param name="cs">1/lambda of output-bias forgetting.</param>
    /// <param name="forms">How what they follow becomes moves of the weights.</param>
    public static IReadOnlyList<PerturbationCase> Grid(IEnumerable<StudiedPerturbation> kinds, IReadOnlyList<double> rhos,
        IReadOnlyList<int> ms, IReadOnlyList<double> gammas, IReadOnlyList<double> cs, IReadOnlyList<PerturbationForm> forms)
    {
        List<PerturbationCase> cases = [];
        foreach (var kind in kinds)
            foreach (int m in kind == StudiedPerturbation.Random ? ms.Take(1) : ms)
                foreach (double? gamma in StudiedPerturbations.IsOutputBias(kind) ? gammas.Select(static g => (double?)g) : [null])
                    foreach (double? c in StudiedPerturbations.IsOutputBias(kind) ? cs.Select(static c => (double?)c) : [null])
                        foreach (var form in kind == StudiedPerturbation.Random ? forms.Select(static f => f with { Steps = 1 }) : forms)
                            cases.AddRange(rhos.Select(rho => new PerturbationCase(kind, rho, m, gamma, c) { Form = form }));
        return [.. cases.Distinct()];
    }

    /// <summary>The perturbation without its length: what belongs to one curve over rho.</summary>
    public PerturbationCase WithoutRho => this with { Rho = 0 };

    /// <summary>For example <c>obf m 64 gamma 1 C 10</c>.</summary>
    public string Curve
    {
        get
        {
            string m = Kind == StudiedPerturbation.Random ? "" : FormattableString.Invariant($" m {M}");
            return KindName + m + (Gamma is null ? "" : FormattableString.Invariant($" gamma {Gamma}"))
                + (C is null ? "" : FormattableString.Invariant($" C {C}")) + Form;
        }
    }

    /// <summary>For example <c>obf m 64 gamma 1 C 10, rho 0.1</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Curve}, rho {Rho}");
}
