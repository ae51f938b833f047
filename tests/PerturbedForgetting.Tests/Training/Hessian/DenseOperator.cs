using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tests.Tensors.MultiTensor;
using PerturbedForgetting.Training.Hessian;

namespace PerturbedForgetting.Tests.Training.Hessian;

/// <summary>A symmetric matrix that is known, over the trained parameters of a model: what is found in it can be compared.</summary>
sealed class DenseOperator : ISymmetricOperator, IDisposable
{
    readonly ArenaModel model;
    readonly int[] places;

    /// <param name="matrix">Symmetric.</param>
    /// <param name="blockSize">Vectors of a pass.</param>
    /// <param name="type">Of the vectors.</param>
    public DenseOperator(double[,] matrix, int blockSize = 1, DType type = DType.Float32)
    {
        (Matrix, BlockSize) = (matrix, blockSize);
        int n = matrix.GetLength(0);
        // A frozen parameter in between, and padding after each.
        model = new ArenaModel(type, 1, n < 3 ? [n, 7] : [1, 7, n / 2, n - 1 - (n / 2)], frozen: 1);
        bool[] trained = model.Map().Trained;
        places = [.. Enumerable.Range(0, trained.Length).Where(i => trained[i])];
        Assert.That(places, Has.Length.EqualTo(n));
        Space = new VectorSpace(model.Layout);
    }

    public double[,] Matrix { get; }

    public MultiTensorLayout Layout => model.Layout;

    public int BlockSize { get; }

    public VectorSpace Space { get; }

    /// <summary>Vectors of each pass so far.</summary>
    public List<int> Passes { get; } = [];

    /// <summary>Called before each pass.</summary>
    public Action Multiplying { get; set; } = static () => { };

    public void Multiply(IReadOnlyList<Tensor> vectors, IReadOnlyList<Tensor> products, CancellationToken stop = default)
    {
        Assert.That(vectors, Has.Count.InRange(1, BlockSize).And.Count.EqualTo(products.Count));
        Multiplying();
        stop.ThrowIfCancellationRequested();
        Passes.Add(vectors.Count);
        for (int i = 0; i < vectors.Count; i++)
            Write(products[i], Multiply(Read(vectors[i])));
    }

    public double[] Multiply(double[] x)
    {
        var product = new double[x.Length];
        for (int row = 0; row < x.Length; row++)
            for (int column = 0; column < x.Length; column++)
                product[row] += Matrix[row, column] * x[column];
        return product;
    }

    /// <summary>The elements of a vector; what is frozen or padding must be zero.</summary>
    public double[] Read(Tensor vector)
    {
        double[] all = ArenaModel.Read(vector), x = Array.ConvertAll(places, i => all[i]);
        Assert.That(all.Count(static a => a != 0), Is.EqualTo(x.Count(static a => a != 0)));
        return x;
    }

    public void Write(Tensor vector, double[] x)
    {
        var all = new double[vector.Count];
        for (int i = 0; i < x.Length; i++)
            all[places[i]] = x[i];
        TinyModels.Write(vector, all);
    }

    /// <summary>A matrix of these eigenvalues, with random eigenvectors.</summary>
    public static double[,] WithEigenvalues(double[] values, int seed)
    {
        var random = new Random(seed);
        int n = values.Length;
        double[][] q = new double[n][];
        for (int i = 0; i < n; i++)
        {
            double[] v = [.. Enumerable.Range(0, n).Select(_ => random.NextDouble() - 0.5)];
            for (int pass = 0; pass < 2; pass++)
            {
                for (int j = 0; j < i; j++)
                {
                    double dot = v.Zip(q[j], static (a, b) => a * b).Sum();
                    v = [.. v.Zip(q[j], (a, b) => a - (dot * b))];
                }
            }
            double length = Math.Sqrt(v.Sum(static a => a * a));
            q[i] = [.. v.Select(a => a / length)];
        }
        var matrix = new double[n, n];
        for (int row = 0; row < n; row++)
            for (int column = 0; column < n; column++)
                for (int i = 0; i < n; i++)
                    matrix[row, column] += q[i][row] * values[i] * q[i][column];
        return matrix;
    }

    public void Dispose()
    {
        Space.Dispose();
        model.Dispose();
    }
}
