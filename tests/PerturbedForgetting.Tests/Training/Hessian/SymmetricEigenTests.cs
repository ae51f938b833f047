using PerturbedForgetting.Training.Hessian;

namespace PerturbedForgetting.Tests.Training.Hessian;

[TestFixture]
sealed class SymmetricEigenTests
{
    /// <summary>The second difference, whose eigenvalues are 2 - 2 cos(kπ / (n + 1)).</summary>
    [Test]
    public void TheSpectrumOfTheSecondDifferenceIsTheFormulas([Values(1, 2, 7, 60)] int n)
    {
        var matrix = new double[n + 1, n + 1];
        for (int i = 0; i < n; i++)
        {
            matrix[i, i] = 2;
            if (i > 0)
                matrix[i, i - 1] = matrix[i - 1, i] = -1;
        }
        // Beyond what is asked for.
        matrix[n, n] = double.NaN;
        var eigen = SymmetricEigen.Decompose(matrix, n);
        Assert.That(eigen.Values, Is.EqualTo(Enumerable.Range(1, n).Select(k => 2 - (2 * Math.Cos(k * Math.PI / (n + 1))))).Within(1e-13));
    }

    [Test]
    public void VectorsAreOrthonormalAndGiveTheMatrixBack([Values(2, 5, 41)] int n)
    {
        // Many of one value, and magnitudes that are far apart.
        double[] values = [.. Enumerable.Range(0, n).Select(i => i % 3 == 0 ? 1 : i % 3 == 1 ? 1e-9 * i : -1e3 * i).Order()];
        double[,] matrix = DenseOperator.WithEigenvalues(values, 3);
        var eigen = SymmetricEigen.Decompose(matrix, n);
        // Rounding of the largest element.
        double tolerance = 1e-14 * n * Math.Max(Math.Abs(values[0]), 1);
        Assert.That(eigen.Values, Is.EqualTo(values).Within(tolerance));
        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j < n; j++)
            {
                Assert.That(Enumerable.Range(0, n).Sum(k => eigen[k, i] * eigen[k, j]), Is.EqualTo(i == j ? 1 : 0).Within(1e-13));
                Assert.That(Enumerable.Range(0, n).Sum(k => eigen[i, k] * eigen.Values[k] * eigen[j, k]),
                    Is.EqualTo(matrix[i, j]).Within(tolerance));
            }
        }
    }

    [Test]
    public void OfNothingThereIsNothing() => Assert.That(SymmetricEigen.Decompose(new double[0, 0], 0).Values, Is.Empty);
}
