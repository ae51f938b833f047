namespace PerturbedForgetting.Training.Hessian;

/// <summary>An estimate of an eigenvalue, with what is known of its error.</summary>
/// <param name="Value">λ = v·Hv of a vector v of length 1.</param>
/// <param name="Residual">‖Hv - λv‖: some eigenvalue of H is no farther from λ.</param>
/// <param name="HasConverged">Whether the method's own limit was met.</param>
public readonly record struct EigenvalueEstimate(double Value, double Residual, bool HasConverged);

/// <summary>Where a search for eigenvalues is.</summary>
/// <param name="Estimates">The wanted ones so far, the most wanted first.</param>
/// <param name="Iterations">Passes over the data.</param>
/// <param name="Products">Vectors that were multiplied.</param>
/// <param name="IsComplete">Whether all that are wanted have converged.</param>
public sealed record EigenvalueSearch(IReadOnlyList<EigenvalueEstimate> Estimates, int Iterations, int Products, bool IsComplete);
