using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Training.Hessian;

/// <summary>Nodes and weights of one random vector: Σ wᵢ f(θᵢ) is zᵀf(H)z / zᵀz, exact where f is a polynomial of degree 2m - 1.</summary>
/// <param name="Nodes">θ, ascending.</param>
/// <param name="Weights">w, which add up to 1.</param>
public sealed record QuadratureRule(double[] Nodes, double[] Weights);

/// <summary>
/// Stochastic Lanczos quadrature (Golub and Welsch, Mathematics of Computation 23, 1969; of neural networks: Ghorbani, Krishnan and Xiao,
/// ICML 2019): m steps of Lanczos from a random vector give m nodes and weights that stand for the whole spectrum as that vector sees it.
/// Each vector has a basis of its own, to which every new one is made orthogonal, so that no node comes as several copies. Several vectors
/// go through the model together.
/// </summary>
/// <param name="matrix">The matrix.</param>
/// <param name="space">Its vectors.</param>
/// <param name="seed">Of the random vectors.</param>
sealed class LanczosQuadrature(ISymmetricOperator matrix, VectorSpace space, ulong seed)
{
    readonly List<QuadratureRule> rules = [];

    /// <summary>The vectors that are done.</summary>
    public IReadOnlyList<QuadratureRule> Rules => rules;

    /// <summary>Passes over the data so far.</summary>
    public int Iterations { get; private set; }

    /// <summary>Vectors that were multiplied so far.</summary>
    public int Products { get; private set; }

    /// <summary>Makes rules.</summary>
    /// <param name="probes">How many.</param>
    /// <param name="steps">m; fewer where the space has fewer dimensions.</param>
    /// <param name="progress">Called after each pass.</param>
    /// <param name="stop">Ends it; the rules that are done remain.</param>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    /// <exception cref="ArithmeticException">A product is not finite.</exception>
    public void Run(int probes, int steps, Action? progress = null, CancellationToken stop = default)
    {
        steps = (int)Math.Min(steps, space.Dimension);
        while (rules.Count < probes)
        {
            var walks = Enumerable.Range(rules.Count, Math.Min(matrix.BlockSize, probes - rules.Count))
                .Select(i => new Walk(space, new RademacherProbe(seed, (ulong)i), steps)).ToArray();
            try
            {
                while (walks.Where(static w => !w.IsDone).ToArray() is { Length: > 0 } going)
                {
                    Advance(going, stop);
                    progress?.Invoke();
                }
                rules.AddRange(walks.Select(static w => w.Rule()));
            }
            finally
            {
                foreach (Walk walk in walks)
                    walk.Release();
            }
        }
    }

    void Advance(Walk[] walks, CancellationToken stop)
    {
        Tensor[] images = [.. walks.Select(_ => space.Rent())];
        try
        {
            matrix.Multiply([.. walks.Select(static w => w.Last)], images, stop);
        }
        catch
        {
            space.Return(images);
            throw;
        }
        Iterations++;
        Products += walks.Length;
        for (int i = 0; i < walks.Length; i++)
            walks[i].Take(images[i]);
    }

    /// <summary>Lanczos from one vector.</summary>
    sealed class Walk
    {
        readonly VectorSpace space;
        readonly int steps;
        readonly List<Tensor> basis = [];
        readonly double[,] tridiagonal;
        int done;

        public Walk(VectorSpace space, RademacherProbe probe, int steps)
        {
            (this.space, this.steps) = (space, steps);
            tridiagonal = new double[steps, steps];
            Tensor start = space.Rent();
            probe.Fill(space.Layout.Arena, start);
            space.Scale(start, 1 / Math.Sqrt(space.Dimension));
            basis.Add(start);
        }

        public bool IsDone { get; private set; }

        /// <summary>The vector to multiply next.</summary>
        public Tensor Last => basis[^1];

        /// <summary>Takes the product of <see cref="Last"/>.</summary>
        public void Take(Tensor image)
        {
            (double[] coefficients, double length) = space.Orthogonalize(image, basis);
            tridiagonal[done, done] = coefficients[done];
            done++;
            // The products lead no farther: the rule is exact for every function.
            IsDone = done == steps || length == 0;
            if (IsDone)
            {
                space.Return(image);
                return;
            }
            tridiagonal[done - 1, done] = tridiagonal[done, done - 1] = length;
            space.Normalize(image, length, basis);
            basis.Add(image);
        }

        public QuadratureRule Rule()
        {
            var eigen = SymmetricEigen.Decompose(tridiagonal, done);
            return new(eigen.Values, [.. Enumerable.Range(0, done).Select(i => eigen[0, i] * eigen[0, i])]);
        }

        public void Release() => space.Return(basis);
    }
}
