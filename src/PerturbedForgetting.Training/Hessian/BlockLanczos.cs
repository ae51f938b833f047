using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Training.Hessian;

/// <summary>What <see cref="BlockLanczos"/> looks for, and how hard.</summary>
/// <param name="Count">Eigenvalues, of each end where both are wanted.</param>
/// <param name="Wanted">Which.</param>
/// <param name="Tolerance">Residual at which an eigenvalue counts as found, as a part of the largest magnitude.</param>
/// <param name="Iterations">Most passes over the data.</param>
/// <param name="BlockSize">Vectors of a pass.</param>
/// <param name="Basis">Most vectors that are kept before it begins anew with the best of them.</param>
/// <param name="Seed">Of the first directions.</param>
readonly record struct LanczosSettings(int Count, EigenvaluesWanted Wanted, double Tolerance, int Iterations, int BlockSize, int Basis,
    ulong Seed)
{
    /// <summary>Vectors that a search for so many eigenvalues does well with.</summary>
    public static int UsualBasis(int total, int blockSize) => Math.Max(3 * total, 24) + (2 * blockSize);

    /// <summary>Vectors without which none can be found.</summary>
    public static int LeastBasis(int total, int blockSize) => total + (2 * blockSize);
}

/// <summary>
/// Eigenvalues at the ends of the spectrum, by block Lanczos with full reorthogonalisation and thick restarts (Wu and Simon, SIAM J. Matrix
/// Anal. Appl. 22, 2000): the Hessian is projected onto the span of all products so far, whose Ritz values converge to the outer
/// eigenvalues first. Every new vector is made orthogonal to the whole basis, twice, so that no eigenvalue comes as several copies; one
/// that has as many copies is found with all of them. When the basis is full, the best Ritz vectors are all that stays of it.
/// </summary>
sealed class BlockLanczos
{
    // Where products lead no farther, other directions may hide copies of eigenvalues that were found: steps that are made there without
    // finding another one.
    const int StepsBeyond = 4;

    // The eigenvalues of a larger projected matrix are not looked at after every step, but each time it has grown by a tenth.
    const int LargestToLookAt = 64;

    readonly ISymmetricOperator matrix;
    readonly VectorSpace space;
    readonly LanczosSettings settings;
    readonly int basisSize;
    readonly double[,] projected;
    // The last of them, `pending`, have not been multiplied yet.
    readonly List<Tensor> basis = [];
    int pending, iterations, products, beyond;
    double[] wantedBefore = [];
    ulong draws;
    SymmetricEigen ritz = SymmetricEigen.Decompose(new double[0, 0], 0);
    // How the last block's products lead out of the basis: [new vectors, block].
    double[,] outside = new double[0, 0];

    /// <param name="matrix">The matrix.</param>
    /// <param name="space">Its vectors.</param>
    /// <param name="settings">What to look for.</param>
    public BlockLanczos(ISymmetricOperator matrix, VectorSpace space, LanczosSettings settings)
    {
        (this.matrix, this.space, this.settings) = (matrix, space, settings);
        int total = settings.Wanted.Total(settings.Count);
        basisSize = (int)Math.Min(space.Dimension, Math.Max(settings.Basis, LanczosSettings.LeastBasis(total, settings.BlockSize)));
        projected = new double[basisSize, basisSize];
        for (int i = 0; i < Math.Min(settings.BlockSize, basisSize); i++)
        {
            basis.Add(space.Random(basis, settings.Seed, draws++));
            pending++;
        }
        State = new([], 0, 0, false);
    }

    /// <summary>What is known so far.</summary>
    public EigenvalueSearch State { get; private set; }

    /// <summary>Goes on until all that are wanted are found, or the passes are used up.</summary>
    /// <param name="progress">Called after each pass.</param>
    /// <param name="stop">Ends it within a pass; what was found before stays in <see cref="State"/>.</param>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    /// <exception cref="ArithmeticException">A product is not finite.</exception>
    public EigenvalueSearch Run(Action<EigenvalueSearch>? progress = null, CancellationToken stop = default)
    {
        while (!State.IsComplete && iterations < settings.Iterations && pending > 0)
        {
            if (basis.Count > basisSize)
                Restart();
            Step(stop);
            progress?.Invoke(State);
        }
        return State;
    }

    /// <summary>The eigenvectors of <see cref="State"/>'s estimates, each of length 1.</summary>
    /// <returns>Vectors that the caller gives back.</returns>
    public Tensor[] Eigenvectors()
    {
        int[] picked = settings.Wanted.Pick(ritz.Values, settings.Count);
        return [.. Rotated(picked)];
    }

    /// <summary>Gives all vectors back.</summary>
    public void Release()
    {
        space.Return(basis);
        basis.Clear();
        pending = 0;
    }

    int Processed => basis.Count - pending;

    /// <summary>Multiplies the pending block, and finds the next.</summary>
    void Step(CancellationToken stop)
    {
        int first = Processed, block = pending;
        Tensor[] images = [.. Enumerable.Range(0, block).Select(_ => space.Rent())];
        try
        {
            matrix.Multiply(basis.GetRange(first, block), images, stop);
        }
        catch
        {
            space.Return(images);
            throw;
        }
        iterations++;
        products += block;
        double[] lengths = new double[block];
        for (int j = 0; j < block; j++)
        {
            (double[] coefficients, lengths[j]) = space.Orthogonalize(images[j], basis);
            for (int i = 0; i < first; i++)
                projected[i, first + j] = projected[first + j, i] = coefficients[i];
            for (int i = 0; i < block; i++)
                projected[first + i, first + j] = coefficients[first + i];
        }
        for (int i = 0; i < block; i++)
            for (int j = 0; j < i; j++)
                projected[first + i, first + j] = projected[first + j, first + i] =
                    (projected[first + i, first + j] + projected[first + j, first + i]) / 2;
        bool looks = IsWorthLooking(basis.Count);
        if (looks)
            ritz = SymmetricEigen.Decompose(projected, basis.Count);
        Extend(images, lengths);
        space.Return(images.Where(image => !basis.Contains(image)));
        if (looks)
            Judge(first, block);
        else
            State = State with { Iterations = iterations, Products = products };
    }

    /// <summary>Whether the projected matrix is decomposed now: where it is small, has grown, or must be, because the basis is full or
    /// the passes are used up.</summary>
    bool IsWorthLooking(int size) => size <= LargestToLookAt || size >= ritz.Values.Length * 11 / 10
        || size + settings.BlockSize > basisSize || size >= space.Dimension || iterations == settings.Iterations;

    /// <summary>Makes the parts of the products that lead out of the basis the next block, which is pending then.</summary>
    void Extend(Tensor[] images, double[] lengths)
    {
        int before = basis.Count, block = images.Length;
        int room = (int)Math.Min(Math.Min(settings.BlockSize, block), space.Dimension - before);
        pending = 0;
        outside = new double[block, block];
        var added = new List<Tensor>();
        bool isInvariant = false;
        for (int j = 0; j < block; j++)
        {
            double length = 0;
            if (lengths[j] > 0 && added.Count > 0)
            {
                (double[] among, length) = space.Orthogonalize(images[j], added);
                for (int i = 0; i < added.Count; i++)
                    outside[i, j] = among[i];
                // What is left must be more than the rounding of the whole product, not of its part outside the basis.
                length = length > space.Rounding * Scale ? length : 0;
            }
            else
                length = lengths[j] > space.Rounding * Scale ? lengths[j] : 0;
            if (added.Count == room)
                continue;
            Tensor next = images[j];
            if (length > 0)
            {
                outside[added.Count, j] = length;
                space.Normalize(next, length, [.. basis, .. added]);
            }
            else
            {
                isInvariant = true;
                next = space.Random([.. basis, .. added], settings.Seed, draws++);
            }
            added.Add(next);
        }
        LookBeyond(isInvariant);
        basis.AddRange(added);
        pending = added.Count;
    }

    void LookBeyond(bool isInvariant)
    {
        beyond = Math.Max(0, beyond - 1);
        if (!isInvariant)
            return;
        double[] wanted = [.. settings.Wanted.Pick(ritz.Values, settings.Count).Select(i => ritz.Values[i])];
        double rounding = 10 * space.Rounding * Scale;
        if (wanted.Length != wantedBefore.Length || wanted.Zip(wantedBefore).Any(p => Math.Abs(p.First - p.Second) > rounding))
            beyond = StepsBeyond;
        wantedBefore = wanted;
    }

    double Scale => ritz.Values.Length == 0 ? 0 : Math.Max(Math.Abs(ritz.Values[0]), Math.Abs(ritz.Values[^1]));

    /// <summary>Says how good the Ritz values are.</summary>
    /// <param name="first">Place of the last block in the basis.</param>
    /// <param name="block">Its vectors.</param>
    void Judge(int first, int block)
    {
        int[] picked = settings.Wanted.Pick(ritz.Values, settings.Count);
        double limit = settings.Tolerance * Scale;
        EigenvalueEstimate[] estimates = [.. picked.Select(index =>
        {
            double residual = Residual(index, first, block);
            return new EigenvalueEstimate(ritz.Values[index], residual, residual <= limit);
        })];
        bool hasAll = picked.Length >= Math.Min(settings.Wanted.Total(settings.Count), space.Dimension);
        State = new(estimates, iterations, products,
            hasAll && (pending == 0 || beyond == 0) && estimates.All(static e => e.HasConverged));
    }

    /// <summary>‖Hx - θx‖ of a Ritz vector x: the part of the product that is outside the basis, and no less than the rounding of the
    /// vectors.</summary>
    double Residual(int index, int first, int block)
    {
        double sum = 0;
        for (int i = 0; i < block; i++)
        {
            double component = 0;
            for (int j = 0; j < block; j++)
                component += outside[i, j] * ritz[first + j, index];
            sum += component * component;
        }
        return Math.Max(Math.Sqrt(sum), space.Rounding * Scale);
    }

    /// <summary>Keeps the best Ritz vectors, and the pending block, to which all of them are coupled.</summary>
    void Restart()
    {
        int total = settings.Wanted.Total(settings.Count);
        int most = basisSize - (2 * settings.BlockSize);
        int kept = Math.Clamp(total + ((basisSize - total) / 2), Math.Min(total, most), most);
        int[] picked = settings.Wanted.Pick(ritz.Values, settings.Wanted == EigenvaluesWanted.Both ? (kept + 1) / 2 : kept);
        picked = [.. picked.Take(kept)];
        var rotated = Rotated(picked);
        var next = basis.GetRange(Processed, pending);
        space.Return(basis.GetRange(0, Processed));
        basis.Clear();
        basis.AddRange(rotated);
        basis.AddRange(next);
        Array.Clear(projected);
        for (int i = 0; i < picked.Length; i++)
            projected[i, i] = ritz.Values[picked[i]];
        ritz = SymmetricEigen.Decompose(projected, picked.Length);
    }

    List<Tensor> Rotated(int[] picked)
    {
        var vectors = basis.GetRange(0, ritz.Values.Length);
        var rotated = new List<Tensor>(picked.Length);
        double[] coefficients = new double[vectors.Count];
        foreach (int index in picked)
        {
            for (int i = 0; i < coefficients.Length; i++)
                coefficients[i] = ritz[i, index];
            Tensor x = space.Rent();
            space.Sum(vectors, coefficients, x);
            space.Scale(x, 1 / space.Norm(x));
            rotated.Add(x);
        }
        return rotated;
    }
}
