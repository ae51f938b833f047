using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training.Hessian;

namespace PerturbedForgetting.Tests.Training.Hessian;

/// <summary>Trace and density of matrices that are known.</summary>
[TestFixture]
sealed class StochasticTests
{
    static readonly double[] spectrum = [.. Enumerable.Range(0, 50).Select(i => 0.2 * Math.Cos(i * 2.3)), 6, 3, -1.5];

    [Test]
    public void TheTraceOfADiagonalMatrixIsExact()
    {
        var diagonal = new double[21, 21];
        for (int i = 0; i < 21; i++)
            diagonal[i, i] = i - 4;
        using var matrix = new DenseOperator(diagonal, 3);
        var trace = new HutchinsonTrace(matrix, matrix.Space, 5);
        trace.Run(4, 0);
        Assert.Multiple(() =>
        {
            Assert.That(trace.Trace, Is.EqualTo(new MeanEstimate(126, 0, 4)), "zᵀHz has no variance");
            Assert.That(matrix.Passes, Is.EqualTo(new[] { 3, 1 }));
            // Parameters of 1, 10 and 10 elements, and a frozen one that is not counted.
            Assert.That(trace.Parameters.Select(static p => (p.Parameter, p.Count, p.Trace.Value)),
                Is.EqualTo(new[] { ("p0", 1L, -4.0), ("p2", 10L, 15), ("p3", 10L, 115) }));
            Assert.That(trace.SquaredFrobenius.Value, Is.EqualTo(Enumerable.Range(-4, 21).Sum(static i => i * i)).Within(1e-3));
        });
    }

    /// <summary>The standard error is the formula's, and the trace lies within four of it.</summary>
    [Test]
    public void TheStandardErrorIsHutchinsons()
    {
        double[,] h = DenseOperator.WithEigenvalues(spectrum, 8);
        int n = spectrum.Length;
        using var matrix = new DenseOperator(h, 4);
        var trace = new HutchinsonTrace(matrix, matrix.Space, 5);
        trace.Run(400, 0);
        double frobenius = spectrum.Sum(static l => l * l), diagonal = Enumerable.Range(0, n).Sum(i => h[i, i] * h[i, i]);
        double error = Math.Sqrt(2 * (frobenius - diagonal) / 400);
        Assert.Multiple(() =>
        {
            // The deviation of a standard deviation of 400 samples of this kind is below a tenth.
            Assert.That(trace.Trace.StandardError, Is.EqualTo(error).Within(0.25 * error));
            Assert.That(trace.Trace.Value, Is.EqualTo(spectrum.Sum()).Within(4 * error));
            Assert.That(trace.Parameters.Sum(static p => p.Trace.Value), Is.EqualTo(trace.Trace.Value).Within(1e-9));
            Assert.That(trace.SquaredFrobenius.Value, Is.EqualTo(frobenius).Within(4 * trace.SquaredFrobenius.StandardError));
        });
    }

    [Test]
    public void ATraceThatIsKnownWellEnoughEnds()
    {
        using var matrix = new DenseOperator(DenseOperator.WithEigenvalues([.. spectrum.Select(static l => l + 3)], 8), 4);
        var trace = new HutchinsonTrace(matrix, matrix.Space, 5);
        trace.Run(1000, 0.02);
        Assert.That(trace.Trace.Samples, Is.InRange(10, 100));
        Assert.That(trace.Trace.StandardError, Is.LessThan(0.02 * trace.Trace.Value));
    }

    [Test]
    public void SignsAreSignsAndIndependent()
    {
        using var matrix = new DenseOperator(new double[300, 300]);
        double[][] probes = [.. Enumerable.Range(0, 64).Select(number =>
        {
            Tensor z = matrix.Space.Rent();
            new RademacherProbe(3, (ulong)number).Fill(matrix.Layout.Arena, z);
            return matrix.Read(z);
        })];
        Assert.That(probes.SelectMany(static p => p), Has.All.EqualTo(1).Or.EqualTo(-1));
        for (int i = 0; i < probes.Length; i++)
        {
            for (int j = 0; j <= i; j++)
            {
                // Of 300 independent products: five standard deviations.
                double sum = probes[i].Zip(probes[j], static (a, b) => a * b).Sum();
                Assert.That(Math.Abs(sum), i == j ? Is.EqualTo(300) : Is.LessThan(5 * Math.Sqrt(300)));
            }
            Assert.That(Math.Abs(probes[i].Sum()), Is.LessThan(5 * Math.Sqrt(300)));
        }
    }

    /// <summary>Gauss: m nodes integrate polynomials up to degree 2m - 1, that is zᵀHʲz / zᵀz for every j below 2m.</summary>
    [Test]
    public void RulesHaveTheMomentsOfTheirVector([Values(1, 2, 5)] int steps, [Values(1, 3)] int block)
    {
        using var matrix = new DenseOperator(DenseOperator.WithEigenvalues(spectrum, 8), block);
        var quadrature = new LanczosQuadrature(matrix, matrix.Space, 5);
        quadrature.Run(2, steps);
        Assert.That(quadrature.Rules, Has.Count.EqualTo(2));
        Assert.That(quadrature.Products, Is.EqualTo(2 * steps));
        Assert.That(quadrature.Iterations, Is.EqualTo(block == 1 ? 2 * steps : steps));
        for (int probe = 0; probe < 2; probe++)
        {
            Tensor z = matrix.Space.Rent();
            new RademacherProbe(5, (ulong)probe).Fill(matrix.Layout.Arena, z);
            double[] start = matrix.Read(z), power = start;
            var (nodes, weights) = quadrature.Rules[probe];
            for (int degree = 0; degree < 2 * steps; degree++)
            {
                double moment = start.Zip(power, static (a, b) => a * b).Sum() / spectrum.Length;
                double rule = nodes.Zip(weights, (t, w) => w * Math.Pow(t, degree)).Sum();
                // Vectors of float32.
                Assert.That(rule, Is.EqualTo(moment).Within(1e-5 * Math.Pow(6, degree)), $"degree {degree}");
                power = matrix.Multiply(power);
            }
        }
    }

    /// <summary>With as many steps as dimensions the mean over many vectors is the density itself.</summary>
    [Test]
    public void TheDensityIsThatOfTheEigenvalues()
    {
        using var matrix = new DenseOperator(DenseOperator.WithEigenvalues(spectrum, 8), 8);
        var quadrature = new LanczosQuadrature(matrix, matrix.Space, 5);
        quadrature.Run(64, 40);
        var density = SpectralDensity.Of(quadrature.Rules, 4000, 0.1);
        double step = density.At[1] - density.At[0];
        Assert.That(density.Values.Sum() * step, Is.EqualTo(1).Within(1e-4));
        Assert.That((density.At[0], density.At[^1]), Is.EqualTo((-2.0, 6.5)).Within(1e-3));
        double worst = 0, highest = 0;
        for (int i = 0; i < density.At.Length; i++)
        {
            double exact = spectrum.Average(l => Math.Exp(-Math.Pow((density.At[i] - l) / 0.1, 2) / 2) / (0.1 * Math.Sqrt(2 * Math.PI)));
            (worst, highest) = (Math.Max(worst, Math.Abs(exact - density.Values[i])), Math.Max(highest, exact));
        }
        // The weight of an eigenvalue is a mean of 64 squares of one component: a sixth of it is one standard deviation.
        Assert.That(worst, Is.LessThan(0.15 * highest));
        Assert.That(density.At.Zip(density.Values, static (t, d) => t * d).Sum() * step, Is.EqualTo(spectrum.Average()).Within(0.05));
    }

    [Test]
    public void AVectorThatLeadsNowhereEndsItsRule()
    {
        var identity = new double[30, 30];
        for (int i = 0; i < 30; i++)
            identity[i, i] = 2;
        using var matrix = new DenseOperator(identity, 2);
        var quadrature = new LanczosQuadrature(matrix, matrix.Space, 5);
        quadrature.Run(3, 10);
        Assert.That(quadrature.Rules.Select(static r => r.Nodes.Length), Has.All.EqualTo(1));
        Assert.That(quadrature.Rules.Select(static r => r.Nodes[0]), Has.All.EqualTo(2).Within(1e-6));
        var density = SpectralDensity.Of(quadrature.Rules, 100);
        Assert.That(density.Values, Has.All.InRange(0, double.MaxValue), "a spectrum of one point has a width too");

        using var zero = new DenseOperator(new double[4, 4]);
        quadrature = new LanczosQuadrature(zero, zero.Space, 5);
        quadrature.Run(1, 3);
        Assert.That(SpectralDensity.Of(quadrature.Rules, 100).Values, Has.All.InRange(0, double.MaxValue));
    }

    [Test]
    public void WhatWasDoneBeforeAnInterruptionCounts()
    {
        using var source = new CancellationTokenSource();
        using var matrix = new DenseOperator(DenseOperator.WithEigenvalues(spectrum, 8));
        matrix.Multiplying = () =>
        {
            if (matrix.Passes.Count == 7)
                source.Cancel();
        };
        var trace = new HutchinsonTrace(matrix, matrix.Space, 5);
        Assert.That(() => trace.Run(50, 0, stop: source.Token), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(trace.Trace.Samples, Is.EqualTo(7));
        matrix.Passes.Clear();
        var quadrature = new LanczosQuadrature(matrix, matrix.Space, 5);
        matrix.Multiplying = () => { };
        using var second = new CancellationTokenSource();
        matrix.Multiplying = () =>
        {
            if (matrix.Passes.Count == 7)
                second.Cancel();
        };
        Assert.That(() => quadrature.Run(50, 3, stop: second.Token), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(quadrature.Rules, Has.Count.EqualTo(2));
    }

    [Test]
    public void OfOneSampleThereIsNoError()
    {
        Assert.That(MeanEstimate.Of([2.5]), Is.EqualTo(new MeanEstimate(2.5, double.NaN, 1)));
        Assert.That(MeanEstimate.Of([1, 3]), Is.EqualTo(new MeanEstimate(2, 1, 2)));
        Assert.That(MeanEstimate.Of([]).Samples, Is.Zero);
    }
}
