using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Random;

namespace PerturbedForgetting.Training.Hessian;

/// <summary>What <see cref="PowerIteration"/> looks for, and how hard.</summary>
/// <param name="Count">Eigenvalues of the largest magnitude.</param>
/// <param name="Tolerance">It ends when |λ - λ'| / (|λ| + 1e-6) of two iterations is below.</param>
/// <param name="Iterations">Most products for each eigenvalue.</param>
/// <param name="Seed">Of the first directions.</param>
readonly record struct PowerSettings(int Count, double Tolerance, int Iterations, ulong Seed);

/// <summary>
/// Eigenvalues of the largest magnitude by power iteration, one after the other, as PyHessian finds them: v ← Hv / ‖Hv‖ until λ = v·Hv
/// changes by less than the tolerance; for the next one v stays orthogonal to those found. Unlike there, what comes out at the end is the λ
/// of the last product, not of the one before.
/// </summary>
/// <param name="matrix">The matrix.</param>
/// <param name="space">Its vectors.</param>
/// <param name="settings">What to look for.</param>
sealed class PowerIteration(ISymmetricOperator matrix, VectorSpace space, PowerSettings settings)
{
    readonly List<EigenvalueEstimate> found = [];
    readonly List<Tensor> vectors = [];
    int products;

    /// <summary>What is known so far.</summary>
    public EigenvalueSearch State { get; private set; } = new([], 0, 0, false);

    /// <summary>The λ that PyHessian returns for the first eigenvalue: where the tolerance was met, that of the product before.</summary>
    public double BeforeLast { get; private set; } = double.NaN;

    /// <summary>The eigenvectors of <see cref="State"/>'s estimates, one step of the iteration beyond them, each of length 1.</summary>
    public IReadOnlyList<Tensor> Eigenvectors => vectors;

    /// <summary>Goes on until all are found, or the products are used up.</summary>
    /// <param name="progress">Called after each product.</param>
    /// <param name="stop">Ends it; what was found before stays in <see cref="State"/>.</param>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    /// <exception cref="ArithmeticException">A product is not finite.</exception>
    public EigenvalueSearch Run(Action<EigenvalueSearch>? progress = null, CancellationToken stop = default)
    {
        int count = (int)Math.Min(settings.Count, space.Dimension);
        while (found.Count < count)
        {
            Tensor v = space.Rent();
            MultiTensorOps.FillNormal(space.Layout, v, settings.Seed, Streams.Probe + (ulong)found.Count);
            space.Scale(v, 1 / space.Norm(v));
            Iterate(v, found.Count + 1 == count, progress, stop);
        }
        return State;
    }

    /// <summary>Gives all vectors back.</summary>
    public void Release()
    {
        space.Return(vectors);
        vectors.Clear();
    }

    /// <summary>Finds one eigenvalue.</summary>
    /// <param name="v">Begins as the start, becomes the eigenvector.</param>
    /// <param name="isLast">Whether no other is wanted.</param>
    /// <param name="progress">Called after each product.</param>
    /// <param name="stop">Ends it.</param>
    void Iterate(Tensor v, bool isLast, Action<EigenvalueSearch>? progress, CancellationToken stop)
    {
        Tensor image = space.Rent();
        double? before = null;
        for (int i = 0; i < settings.Iterations; i++)
        {
            (_, double length) = space.Orthogonalize(v, vectors);
            if (length == 0)
                break;
            space.Scale(v, 1 / length);
            matrix.Multiply([v], [image], stop);
            products++;
            // Fails where the product is not finite.
            length = space.Norm(image);
            (double squared, double value, double one) = space.Products(image, v);
            value /= one;
            bool hasConverged = before is { } last && Math.Abs(last - value) / (Math.Abs(last) + 1e-6) < settings.Tolerance;
            if (found.Count == 0)
                BeforeLast = hasConverged ? before!.Value : value;
            double residual = Math.Sqrt(Math.Max(0, (squared / one) - (value * value)));
            State = new([.. found, new(value, residual, hasConverged)], products, products, isLast && hasConverged);
            progress?.Invoke(State);
            // Of a product that is zero no direction is left: the value is 0 and exact.
            if (length == 0)
            {
                State = State with { Estimates = [.. found, new(0, 0, true)], IsComplete = isLast };
                break;
            }
            (v, image) = (image, v);
            space.Scale(v, 1 / length);
            if (hasConverged)
                break;
            before = value;
        }
        space.Return(image);
        vectors.Add(v);
        found.Add(State.Estimates[^1]);
        State = State with { Estimates = [.. found], IsComplete = isLast && found.All(static f => f.HasConverged) };
    }
}
