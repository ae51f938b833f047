using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Training.Hessian;

/// <summary>
/// The trace of a Hessian, and of the diagonal block of each parameter, by Hutchinson's estimator (Communications in Statistics 19, 1990):
/// the mean of zᵀHz over vectors z of random signs is tr H, and its variance 2·(‖H‖² - Σ H_ii²) of one z, with the Frobenius norm.
/// </summary>
/// <param name="matrix">The matrix.</param>
/// <param name="space">Its vectors.</param>
/// <param name="seed">Of the signs.</param>
sealed class HutchinsonTrace(ISymmetricOperator matrix, VectorSpace space, ulong seed)
{
    // [probe][parameter].
    readonly List<double[]> samples = [];
    readonly List<double> squares = [];

    /// <summary>The trace, from the probes so far.</summary>
    public MeanEstimate Trace => MeanEstimate.Of([.. samples.Select(static s => s.Sum())]);

    /// <summary>‖H‖², squared Frobenius norm: the mean of ‖Hz‖².</summary>
    public MeanEstimate SquaredFrobenius => MeanEstimate.Of(squares);

    /// <summary>The traces of the parameters' diagonal blocks, which add up to the trace.</summary>
    public IReadOnlyList<(string Parameter, long Count, MeanEstimate Trace)> Parameters => samples.Count == 0 ? [] :
    [
        .. space.Layout.Arena.Segments.Where(static s => s.Parameter.IsTrainable)
            .Select((segment, i) => (segment.Name, segment.Count, MeanEstimate.Of([.. samples.Select(s => s[i])]))),
    ];

    /// <summary>Multiplies with random vectors.</summary>
    /// <param name="probes">How many.</param>
    /// <param name="tolerance">It ends early when the standard error is below this part of the trace; 0 never.</param>
    /// <param name="progress">Called after each pass.</param>
    /// <param name="stop">Ends it; the probes before count.</param>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    /// <exception cref="ArithmeticException">A product is not finite.</exception>
    public void Run(int probes, double tolerance, Action? progress = null, CancellationToken stop = default)
    {
        // From two samples on there is a standard error, from some more one that can be relied on.
        const int FewestProbes = 10;
        while (samples.Count < probes)
        {
            Add(Math.Min(matrix.BlockSize, probes - samples.Count), stop);
            progress?.Invoke();
            var trace = Trace;
            if (samples.Count >= FewestProbes && trace.StandardError < tolerance * Math.Abs(trace.Value))
                return;
        }
    }

    void Add(int count, CancellationToken stop)
    {
        Tensor[] vectors = [.. Enumerable.Range(0, count).Select(_ => space.Rent())];
        Tensor[] images = [.. Enumerable.Range(0, count).Select(_ => space.Rent())];
        try
        {
            var arena = space.Layout.Arena;
            RademacherProbe[] probes = [.. Enumerable.Range(samples.Count, count).Select(i => new RademacherProbe(seed, (ulong)i))];
            for (int i = 0; i < count; i++)
                probes[i].Fill(arena, vectors[i]);
            matrix.Multiply(vectors, images, stop);
            for (int i = 0; i < count; i++)
            {
                double length = space.Norm(images[i]);
                samples.Add(probes[i].Dots(arena, images[i]));
                squares.Add(length * length);
            }
        }
        finally
        {
            space.Return(vectors);
            space.Return(images);
        }
    }
}
