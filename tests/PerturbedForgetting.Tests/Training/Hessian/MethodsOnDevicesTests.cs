using PerturbedForgetting.Training.Hessian;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Tests.Training.Hessian;

/// <summary>The methods with vectors on other devices than the CPU, where nothing but the passes over them is another.</summary>
[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Others))]
sealed class MethodsOnDevicesTests(string device) : DeviceFixture(device)
{
    static readonly double[] spectrum = [4, 2.5, -1, .. Enumerable.Range(0, 9).Select(i => 0.2 * Math.Cos(i * 2.3))];

    [Test]
    public void TheyFindTheSameThere()
    {
        double[,] h = DenseOperator.WithEigenvalues(spectrum, 3);
        using var matrix = new DenseOperator(h, 2);
        var lanczos = new BlockLanczos(matrix, matrix.Space, new(1, EigenvaluesWanted.Both, 1e-5, 40, 2, 0, 7));
        var power = new PowerIteration(matrix, matrix.Space, new(1, 1e-4, 40, 7)).Run();
        var trace = new HutchinsonTrace(matrix, matrix.Space, 5);
        trace.Run(4, 0);
        var quadrature = new LanczosQuadrature(matrix, matrix.Space, 5);
        quadrature.Run(2, 3);
        Assert.Multiple(() =>
        {
            Assert.That(lanczos.Run().Estimates.Select(static e => e.Value), Is.EqualTo(new[] { 4, -1 }).Within(1e-4));
            Assert.That(lanczos.Eigenvectors().Select(v => matrix.Space.Norm(v)), Has.All.EqualTo(1).Within(1e-5));
            Assert.That(power.Estimates[0].Value, Is.EqualTo(4).Within(1e-3));
            // Both estimate n times the mean of zᵀHz / n, of other vectors of the same seed.
            Assert.That(trace.Trace.Value, Is.EqualTo(spectrum.Sum()).Within(5 * trace.Trace.StandardError));
            Assert.That(quadrature.Rules[0].Nodes.Zip(quadrature.Rules[0].Weights, static (t, w) => t * w).Sum() * spectrum.Length,
                Is.EqualTo(Sample(0)).Within(1e-4));
        });

        double Sample(int probe)
        {
            var z = matrix.Space.Rent();
            new RademacherProbe(5, (ulong)probe).Fill(matrix.Layout.Arena, z);
            double[] x = matrix.Read(z);
            return x.Zip(matrix.Multiply(x), static (a, b) => a * b).Sum();
        }
    }
}
