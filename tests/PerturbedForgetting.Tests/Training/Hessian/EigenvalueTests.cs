using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training.Hessian;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Tests.Training.Hessian;

/// <summary>Block Lanczos and power iteration on matrices whose eigenvalues are known.</summary>
[TestFixture]
sealed class EigenvalueTests
{
    /// <summary>Of float32 vectors: sums of about a hundred products, each rounded to 6e-8, and a few hundred of those.</summary>
    const double Float32 = 2e-5;

    /// <summary>Spectra as networks have them: few outliers, many near zero, some negative.</summary>
    static readonly double[] typical = [.. Enumerable.Range(0, 70).Select(i => 0.3 * Math.Sin(i * 1.7)), 12, 5.5, 5.4, 2, -3.1, -1.2, 1.8];

    static readonly EigenvaluesWanted[] kinds = Enum.GetValues<EigenvaluesWanted>();

    [Test]
    public void TheOuterEigenvaluesAreFound([ValueSource(nameof(kinds))] EigenvaluesWanted wanted, [Values(1, 3)] int block,
        [Values(4)] int count)
    {
        using var matrix = new DenseOperator(DenseOperator.WithEigenvalues(typical, 5), block);
        var search = new BlockLanczos(matrix, matrix.Space, new(count, wanted, 1e-5, 200, block, 26, 7));
        var state = search.Run();
        double[] ascending = [.. typical.Order()];
        double[] expected = [.. wanted.Pick(ascending, count).Select(i => ascending[i])];
        Assert.Multiple(() =>
        {
            Assert.That(state.IsComplete, $"{state.Iterations} passes");
            Assert.That(state.Estimates.Select(static e => e.Value), Is.EqualTo(expected).Within(Float32 * 12));
            Assert.That(state.Products, Is.EqualTo(matrix.Passes.Sum()));
            Assert.That(state.Iterations, Is.EqualTo(matrix.Passes.Count));
            // Basis and pending block, images, and what a restart makes: no more.
            Assert.That(matrix.Space.Buffers, Is.LessThanOrEqualTo(26 + (3 * block) + 26));
        });
        Tensor[] vectors = search.Eigenvectors();
        for (int i = 0; i < vectors.Length; i++)
        {
            double[] x = matrix.Read(vectors[i]), image = matrix.Multiply(x);
            double residual = Math.Sqrt(x.Zip(image, (a, b) => Math.Pow(b - (state.Estimates[i].Value * a), 2)).Sum());
            Assert.That(residual, Is.LessThanOrEqualTo((1e-5 + Float32) * 12), "the residual is what it says");
            Assert.That(x.Sum(static a => a * a), Is.EqualTo(1).Within(Float32));
        }
    }

    static IEnumerable<TestCaseData> Small()
    {
        yield return new TestCaseData(new double[] { 5, 2, 1 }, EigenvaluesWanted.Magnitude, 1, new double[] { 5 });
        yield return new TestCaseData(new double[] { -7, 3 }, EigenvaluesWanted.Magnitude, 1, new double[] { -7 });
        yield return new TestCaseData(new double[] { -7, 3 }, EigenvaluesWanted.Largest, 1, new double[] { 3 });
        yield return new TestCaseData(new double[] { -7, 3 }, EigenvaluesWanted.Both, 3, new double[] { 3, -7 });
        yield return new TestCaseData(new double[] { 4 }, EigenvaluesWanted.Smallest, 2, new double[] { 4 });
        yield return new TestCaseData(new double[] { 5, 5, 5, 2, 2, 1, 1, 1 }, EigenvaluesWanted.Largest, 4, new double[] { 5, 5, 5, 2 });
        yield return new TestCaseData(new double[] { 5, 5, 5, 2, 2, 1, 1, 1, 1, 1 }, EigenvaluesWanted.Both, 2,
            new double[] { 5, 5, 1, 1 });
        yield return new TestCaseData(new double[40], EigenvaluesWanted.Magnitude, 2, new double[] { 0, 0 });
        yield return new TestCaseData(Enumerable.Repeat(-2.0, 30).ToArray(), EigenvaluesWanted.Smallest, 3, new double[] { -2, -2, -2 });
    }

    /// <summary>Spaces smaller than the basis, copies of one eigenvalue, and the matrix that is zero.</summary>
    [TestCaseSource(nameof(Small))]
    public void SmallAndDegenerateOnesToo(double[] values, EigenvaluesWanted wanted, int count, double[] expected)
    {
        foreach (int block in (int[])[1, 2])
        {
            using var matrix = new DenseOperator(DenseOperator.WithEigenvalues(values, 2), block);
            var state = new BlockLanczos(matrix, matrix.Space, new(count, wanted, 1e-5, 60, block, 0, 7)).Run();
            Assert.That(state.IsComplete);
            Assert.That(state.Estimates.Select(static e => e.Value), Is.EqualTo(expected).Within(Float32 * 7), $"block {block}");
        }
    }

    /// <summary>A basis so large that its Ritz values are looked at now and then only.</summary>
    [Test]
    public void ALargeBasisToo()
    {
        double[] values = [.. Enumerable.Range(0, 100).Select(static i => 1.0 + (i * 0.01))];
        using var matrix = new DenseOperator(DenseOperator.WithEigenvalues(values, 5));
        var search = new BlockLanczos(matrix, matrix.Space, new(12, EigenvaluesWanted.Largest, 1e-4, 400, 1, 80, 7));
        var state = search.Run();
        Assert.That(state.IsComplete);
        Assert.That(state.Estimates.Select(static e => e.Value), Is.EqualTo(values.Reverse().Take(12)).Within(Float32 * 2.5));
        Assert.That(state.Iterations, Is.EqualTo(matrix.Passes.Count));
        Assert.That(search.Eigenvectors().Select(v => matrix.Space.Norm(v)), Has.All.EqualTo(1).Within(1e-5));
    }

    /// <summary>Passes that are used up, and an interruption, leave what is known, with its residual.</summary>
    [Test]
    public void WhatIsKnownWhenItEndsEarlyStays()
    {
        using var matrix = new DenseOperator(DenseOperator.WithEigenvalues(typical, 5));
        var search = new BlockLanczos(matrix, matrix.Space, new(2, EigenvaluesWanted.Largest, 1e-6, 4, 1, 0, 7));
        var state = search.Run();
        Assert.That(state.IsComplete, Is.False);
        Assert.That(state.Iterations, Is.EqualTo(4));
        Assert.That(state.Estimates[0].Value, Is.InRange(11, 12.0001));
        Assert.That(12 - state.Estimates[0].Value, Is.LessThanOrEqualTo(state.Estimates[0].Residual));

        using var source = new CancellationTokenSource();
        search = new BlockLanczos(matrix, matrix.Space, new(1, EigenvaluesWanted.Largest, 1e-6, 60, 1, 0, 7));
        Assert.That(() => search.Run(s =>
        {
            if (s.Iterations == 5)
                source.Cancel();
        }, source.Token), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(search.State.Iterations, Is.EqualTo(5));
        Assert.That(search.State.Estimates[0].Value, Is.EqualTo(12).Within(0.1));
    }

    /// <summary>The same bits for the same seed, and the same eigenvalues for another one.</summary>
    [Test]
    public void ASeedDecides()
    {
        double[][] runs = [.. ((ulong[])[3, 3, 4]).Select(seed =>
        {
            using var matrix = new DenseOperator(DenseOperator.WithEigenvalues(typical, 5), 2);
            return new BlockLanczos(matrix, matrix.Space, new(3, EigenvaluesWanted.Magnitude, 1e-5, 60, 2, 0, seed)).Run()
                .Estimates.Select(static e => e.Value).ToArray();
        })];
        Assert.That(runs[1], Is.EqualTo(runs[0]));
        Assert.That(runs[2], Is.Not.EqualTo(runs[0]).And.EqualTo(runs[0]).Within(Float32 * 12));
    }

    [Test]
    public void AProductThatIsNotFiniteIsSaid()
    {
        double[,] broken = DenseOperator.WithEigenvalues(typical, 5);
        broken[3, 3] = double.PositiveInfinity;
        using var matrix = new DenseOperator(broken);
        Assert.That(() => new BlockLanczos(matrix, matrix.Space, new(1, EigenvaluesWanted.Largest, 1e-5, 60, 1, 0, 7)).Run(),
            Throws.TypeOf<ArithmeticException>().With.Message.Contains("not finite"));
        Assert.That(() => new PowerIteration(matrix, matrix.Space, new(1, 1e-5, 60, 7)).Run(),
            Throws.TypeOf<ArithmeticException>().With.Message.Contains("not finite"));
    }

    /// <summary>The iteration restated in float64 from the same directions: the same λ of each product, and the same number of
    /// them.</summary>
    [Test]
    public void PowerIterationIsPyHessians()
    {
        using var matrix = new DenseOperator(DenseOperator.WithEigenvalues(typical, 5));
        var iteration = new PowerIteration(matrix, matrix.Space, new(3, 1e-3, 100, 7));
        List<double> seen = [];
        var state = iteration.Run(s => seen.Add(s.Estimates[^1].Value));
        List<double> expected = [];
        List<double[]> vectors = [];
        double[] values = new double[3], before = new double[3];
        for (int k = 0; k < 3; k++)
        {
            Tensor start = matrix.Space.Rent();
            PerturbedForgetting.Tensors.MultiTensor.MultiTensorOps.FillNormal(matrix.Layout, start, 7,
                PerturbedForgetting.Tensors.Random.Streams.Probe + (ulong)k);
            double[] v = Normalized(matrix.Read(start), 0);
            double? last = null;
            for (int i = 0; i < 100; i++)
            {
                foreach (double[] found in vectors)
                {
                    double dot = Dot(v, found);
                    v = [.. v.Zip(found, (a, b) => a - (dot * b))];
                }
                v = Normalized(v, 1e-6);
                double[] image = matrix.Multiply(v);
                double value = Dot(image, v);
                expected.Add(value);
                v = Normalized(image, 1e-6);
                (before[k], values[k]) = (last ?? value, value);
                if (last is { } old && Math.Abs(old - value) / (Math.Abs(old) + 1e-6) < 1e-3)
                    break;
                last = value;
            }
            vectors.Add(v);
        }
        Assert.Multiple(() =>
        {
            // 1e-6 in the denominator of a norm near 1, and float32.
            Assert.That(seen, Is.EqualTo(expected).Within(3e-5 * 12));
            Assert.That(state.Estimates.Select(static e => e.Value), Is.EqualTo(values).Within(3e-5 * 12));
            Assert.That(iteration.BeforeLast, Is.EqualTo(before[0]).Within(3e-5 * 12));
            Assert.That(state.IsComplete);
            Assert.That(state.Products, Is.EqualTo(expected.Count));
        });
        double[] x = Normalized(vectors[0], 0), found0 = matrix.Read(iteration.Eigenvectors[0]);
        Assert.That(Math.Abs(Dot(x, found0)), Is.EqualTo(1).Within(1e-5));

        static double Dot(double[] a, double[] b) => a.Zip(b, static (x, y) => x * y).Sum();
        static double[] Normalized(double[] v, double epsilon)
        {
            double length = Math.Sqrt(Dot(v, v)) + epsilon;
            return [.. v.Select(a => a / length)];
        }
    }

    [Test]
    public void PowerIterationSaysHowFarItIs()
    {
        using var matrix = new DenseOperator(DenseOperator.WithEigenvalues([4, -3.9, 1, 0.5, 0], 2));
        var state = new PowerIteration(matrix, matrix.Space, new(1, 1e-9, 10, 7)).Run();
        Assert.That(state.IsComplete, Is.False, "two of nearly one magnitude take longer");
        Assert.That(state.Estimates.Single().HasConverged, Is.False);
        double distance = new[] { 4, -3.9, 1, 0.5, 0 }.Min(l => Math.Abs(l - state.Estimates[0].Value));
        Assert.That(state.Estimates[0].Residual, Is.GreaterThanOrEqualTo(distance - Float32));

        using var zero = new DenseOperator(new double[5, 5]);
        state = new PowerIteration(zero, zero.Space, new(2, 1e-4, 10, 7)).Run();
        Assert.That(state.Estimates, Is.EqualTo(new EigenvalueEstimate[] { new(0, 0, true), new(0, 0, true) }));
        Assert.That(state.IsComplete);
    }
}
