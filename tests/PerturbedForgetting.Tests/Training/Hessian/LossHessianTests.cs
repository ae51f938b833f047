using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Training.Hessian;

namespace PerturbedForgetting.Tests.Training.Hessian;

/// <summary>Products with the Hessians of the reference's tiny models, whose spectra are known.</summary>
sealed class LossHessianTests
{
    /// <summary>Two models with every loss; all where all are asked for.</summary>
    static IEnumerable<TestCaseData> Cases => ReferenceHessian.Named(ReferenceHessian.All.Where(static c =>
        EnvironmentVariables.AllTests.Value == "1" || c.Id.Contains("gelu.trained", StringComparison.Ordinal)
        || c.Id.Contains("conv.trained", StringComparison.Ordinal)));

    static IEnumerable<TestCaseData> CasesWithVectors => ReferenceHessian.Named(ReferenceHessian.All.Where(static c => c.HasVectors));

    /// <summary>The whole matrix, by products with unit vectors: its trace and its Frobenius norm, and that it is symmetric.</summary>
    [TestCaseSource(nameof(Cases))]
    public void TheMatrixIsTheReferences(ReferenceHessian reference)
    {
        using var run = reference.Load(DType.Float64, blockSize: 16);
        double[][] matrix = Matrix(run);
        double trace = 0, squares = 0, asymmetry = 0;
        for (int i = 0; i < matrix.Length; i++)
        {
            trace += matrix[i][i];
            for (int j = 0; j < matrix.Length; j++)
            {
                squares += matrix[i][j] * matrix[i][j];
                asymmetry = Math.Max(asymmetry, Math.Abs(matrix[i][j] - matrix[j][i]));
            }
        }
        double norm = Math.Sqrt(squares);
        Assert.That(norm, Is.EqualTo(reference.Number("frobenius")).Within(1e-10 * norm));
        Assert.That(trace, Is.EqualTo(reference.Number("trace")).Within(1e-10 * norm));
        Assert.That(asymmetry, Is.LessThan(1e-13 * norm));
    }

    /// <summary>How the samples are cut into batches, and the vectors into blocks, changes roundings only.</summary>
    [TestCaseSource(nameof(CasesWithVectors))]
    public void BatchesAndBlocksDoNotMatter(ReferenceHessian reference)
    {
        float[] Products(int batchSize, int blockSize)
        {
            using var run = reference.Load(DType.Float32, blockSize, batchSize);
            Tensor[] vectors =
                [.. new[] { "direction", "gradient", "top_eigenvector" }.Select(name => run.Buffer(run.Stored(name)))];
            Tensor[] products = [.. vectors.Select(_ => run.Arena.NewBuffer().Fill(3))];
            for (int first = 0; first < vectors.Length; first += blockSize)
                run.Hessian.Multiply(vectors[first..Math.Min(first + blockSize, vectors.Length)],
                    products[first..Math.Min(first + blockSize, vectors.Length)]);
            return [.. products.SelectMany(run.Values)];
        }

        float[] whole = Products(40, 3);
        Assert.That(Products(7, 2), Is.EqualTo(whole).Within(2e-6f * whole.Max(Math.Abs)));
        Assert.That(Products(40, 1), Is.EqualTo(whole), "a block's vectors do not see each other");
    }

    static double[][] Matrix(ReferenceHessian.Loaded run)
    {
        int count = (int)run.Arena.Segments.Sum(static s => s.Count);
        double[][] matrix = new double[count][];
        for (int first = 0; first < count; first += run.Hessian.BlockSize)
        {
            int block = Math.Min(run.Hessian.BlockSize, count - first);
            Tensor[] vectors = [.. Enumerable.Range(first, block).Select(i => Unit(run, i))];
            Tensor[] products = [.. vectors.Select(_ => run.Arena.NewBuffer())];
            run.Hessian.Multiply(vectors, products);
            for (int i = 0; i < block; i++)
            {
                double[] all = products[i].ToArray<double>();
                matrix[first + i] = [.. run.Arena.Segments.SelectMany(s => all[(int)s.Offset..(int)(s.Offset + s.Count)])];
            }
        }
        return matrix;
    }

    /// <summary>1 for one weight, in the order of the arena.</summary>
    static Tensor Unit(ReferenceHessian.Loaded run, int index)
    {
        Tensor buffer = run.Arena.NewBuffer();
        foreach (var segment in run.Arena.Segments)
        {
            if (index < segment.Count)
            {
                double[] values = new double[segment.Count];
                values[index] = 1;
                ParameterArena.Slice(buffer, segment).CopyFrom<double>(values);
                break;
            }
            index -= (int)segment.Count;
        }
        return buffer;
    }
}

/// <summary>The same products in float32, on every device.</summary>
[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Names))]
sealed class LossHessianOnDevicesTests(string device) : DeviceFixture(device)
{
    static IEnumerable<TestCaseData> Cases => ReferenceHessian.Named(ReferenceHessian.All.Where(static c => c.HasVectors));

    /// <summary>The product with a direction, and the eigenvector of the largest eigenvalue.</summary>
    [TestCaseSource(nameof(Cases))]
    public void ProductsAreTheReferences(ReferenceHessian reference)
    {
        using var run = reference.Load(DType.Float32, blockSize: 2);
        float[] top = run.Stored("top_eigenvector"), expected = run.Stored("hessian_times_direction");
        Tensor[] products = [run.Arena.NewBuffer(), run.Arena.NewBuffer()];
        run.Hessian.Multiply([run.Buffer(run.Stored("direction")), run.Buffer(top)], products);
        // Some forty roundings one after the other, each of 6e-8 of the largest number.
        Assert.That(run.Values(products[0]), Is.EqualTo(expected).Within(2e-6f * expected.Max(Math.Abs)));
        float eigenvalue = (float)reference.Number("top_eigenvalue");
        Assert.That(run.Values(products[1]), Is.EqualTo(top.Select(v => eigenvalue * v)).Within(2e-6f * eigenvalue));
    }

    /// <summary>Whether all batches are kept, some, or none, products are the same, bit for bit, and no more is kept than may be.</summary>
    [TestCaseSource(nameof(Cases))]
    public void WhatIsKeptChangesNothing(ReferenceHessian reference)
    {
        using var run = reference.Load(DType.Float32, blockSize: 2, batchSize: 15);
        Tensor[] vectors = [run.Buffer(run.Stored("direction")), run.Buffer(run.Stored("gradient"))];
        Tensor[] products = [run.Arena.NewBuffer(), run.Arena.NewBuffer()];
        run.Hessian.Multiply(vectors, products);
        float[][] expected = [.. products.Select(run.Values)];
        long before = Device.Memory.Live, whole;
        using (var all = new KeptTapes(Device, double.PositiveInfinity))
        {
            Check(all, kept: 3);
            whole = all.Bytes;
            Assert.That(Device.Memory.Live - before, Is.EqualTo(whole));
            int read = run.BatchesRead;
            run.Keeping(all).Multiply(vectors[..1], products[..1]);
            Assert.That(run.BatchesRead, Is.EqualTo(read), "nothing is read again");
        }
        using (var some = new KeptTapes(Device, 0.9 * whole))
        {
            Check(some, kept: 2);
            Assert.That(some.Bytes, Is.LessThanOrEqualTo(0.9 * whole));
        }
        using (var tooLarge = new KeptTapes(Device, whole / 100))
            Check(tooLarge, kept: 0);
        using (var none = new KeptTapes(Device, 0))
            Check(none, kept: 0);
        Assert.That(Device.Memory.Live, Is.EqualTo(before));

        void Check(KeptTapes tapes, int kept)
        {
            for (int i = 0; i < 3; i++)
            {
                run.Keeping(tapes).Multiply([vectors[i % 2]], [products[i % 2].Fill(3)]);
                Assert.That(run.Values(products[i % 2]), Is.EqualTo(expected[i % 2]), $"product {i}");
            }
            Assert.That(tapes.Count, Is.EqualTo(kept));
        }
    }
}
