using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Training.Hessian;

/// <summary>What a Hessian is of.</summary>
/// <param name="Model">Name of the model.</param>
/// <param name="Checkpoint">The file of its weights; null of random ones.</param>
/// <param name="Data">Name of the data.</param>
/// <param name="Images">Images of the loss.</param>
/// <param name="Loss">The loss in words.</param>
/// <param name="Parameters">Trained numbers, which are rows and columns.</param>
/// <param name="Device">Where it was computed.</param>
/// <param name="Seed">Of what is random.</param>
public sealed record HessianSubject(string Model, string? Checkpoint, string Data, long Images, string Loss, long Parameters,
    string Device, int Seed);

/// <summary>Eigenvalues that were looked for.</summary>
/// <param name="Method">How.</param>
/// <param name="Wanted">Which.</param>
/// <param name="Search">What was found.</param>
/// <param name="BeforeLast">Of power iteration, the value that PyHessian returns for the first one; else null.</param>
public sealed record EigenvalueResult(EigenvalueMethod Method, EigenvaluesWanted Wanted, EigenvalueSearch Search, double? BeforeLast);

/// <summary>A trace that was estimated.</summary>
/// <param name="Trace">tr H.</param>
/// <param name="SquaredFrobenius">‖H‖², the sum of the squares of all elements, and of all eigenvalues.</param>
/// <param name="Parameters">Traces of the parameters' diagonal blocks.</param>
public sealed record TraceResult(MeanEstimate Trace, MeanEstimate SquaredFrobenius,
    IReadOnlyList<(string Parameter, long Count, MeanEstimate Trace)> Parameters);

/// <summary>A density that was estimated.</summary>
/// <param name="Density">The curve.</param>
/// <param name="Rules">What it was made of.</param>
/// <param name="Mean">Mean of all eigenvalues, tr H / n.</param>
/// <param name="Negative">Share of the eigenvalues that are below -σ, by the rules' weights: of what is nearer to 0 the sign is not
/// known.</param>
public sealed record DensityResult(SpectralDensity Density, IReadOnlyList<QuadratureRule> Rules, MeanEstimate Mean, MeanEstimate Negative);

/// <summary>How much the loss grows at a distance.</summary>
/// <param name="Rho">The distance.</param>
/// <param name="M">Images of a group that moves along its own gradient; 0: all move along the gradient of the whole.</param>
/// <param name="Groups">How many groups.</param>
/// <param name="Increase">Mean increase of the loss.</param>
/// <param name="Predicted">ρ‖g‖ + ρ²/2 · ĝᵀHĝ, what gradient and Hessian let expect for the whole; null of groups.</param>
public sealed record SharpnessResult(double Rho, int M, int Groups, double Increase, double? Predicted);

/// <summary>All that was found about a Hessian; what was not asked for, or not reached, is null.</summary>
/// <param name="Subject">What it is of.</param>
public sealed record HessianReport(HessianSubject Subject)
{
    /// <summary>Mean loss over the images.</summary>
    public double? Loss { get; init; }

    /// <summary>L2 norm of its gradient.</summary>
    public double? GradientNorm { get; init; }

    /// <summary>ĝᵀHĝ along the gradient's direction.</summary>
    public double? GradientCurvature { get; init; }

    /// <summary>Eigenvalues.</summary>
    public EigenvalueResult? Eigenvalues { get; init; }

    /// <summary>Trace.</summary>
    public TraceResult? Trace { get; init; }

    /// <summary>Density of eigenvalues.</summary>
    public DensityResult? Density { get; init; }

    /// <summary>Sharpness.</summary>
    public IReadOnlyList<SharpnessResult> Sharpness { get; init; } = [];

    /// <summary>Whether all that was asked for is there.</summary>
    public bool IsComplete { get; init; }

    /// <summary>Passes over the images with Hessian products, and vectors that were multiplied.</summary>
    public (int Passes, int Products) Cost { get; init; }

    /// <summary>Wall-clock seconds.</summary>
    public double Seconds { get; init; }
}
