using System.Numerics;
using PerturbedForgetting.Tensors.Backends.Cpu;

namespace PerturbedForgetting.Tests.Tensors.Backends.Cpu;

/// <summary>The stated errors of the polynomials, on every range they are used in.</summary>
[TestFixture]
sealed class VectorMathTests
{
    [Test]
    public void ExpIsWithinItsBoundOnTheWholeRange()
    {
        double worst = 0;
        foreach (float x in Grid(-87.3f, 88f, 2_000_003))
        {
            double exact = Math.Exp(x);
            worst = Math.Max(worst, Math.Abs(Lane(VectorMath.Exp(new Vector<float>(x))) - exact) / exact);
        }
        TestContext.Out.WriteLine($"largest relative error {worst:G3}");
        Assert.That(worst, Is.LessThan(1.5e-7));
    }

    [Test]
    public void ExpReachesZeroWithoutSubnormalNumbers()
    {
        foreach (float x in Grid(-200f, -87.3f, 20_001).Append(-1e30f).Append(float.MinValue).Append(float.NegativeInfinity))
            Assert.That(Lane(VectorMath.Exp(new Vector<float>(x))), Is.EqualTo((float)Math.Exp(x)).Within(1.2e-38f), $"exp({x})");
        Assert.Multiple(() =>
        {
            Assert.That(Lane(VectorMath.Exp(new Vector<float>(0f))), Is.EqualTo(1f));
            Assert.That(Lane(VectorMath.Exp(new Vector<float>(-0f))), Is.EqualTo(1f));
            Assert.That(Lane(VectorMath.Exp(new Vector<float>(-89f))), Is.Zero);
            Assert.That(Lane(VectorMath.Exp(new Vector<float>(float.NegativeInfinity))), Is.Zero);
            Assert.That(Lane(VectorMath.Exp(new Vector<float>(float.NaN))), Is.NaN);
        });
    }

    [Test]
    public void Log1pIsWithinItsBound()
    {
        double worst = 0;
        foreach (float u in Grid(0, 1, 1_000_003).Concat(Grid(0, 1e-3f, 10_007)).Where(u => u > 0))
        {
            double exact = ScalarMath.Log1p(u);
            worst = Math.Max(worst, Math.Abs(Lane(VectorMath.Log1p(new Vector<float>(u))) - exact) / exact);
        }
        TestContext.Out.WriteLine($"largest relative error {worst:G3}");
        Assert.That(worst, Is.LessThan(3e-7));
        Assert.That(Lane(VectorMath.Log1p(new Vector<float>(0f))), Is.Zero);
        Assert.That(Lane(VectorMath.Log1p(new Vector<float>(float.NaN))), Is.NaN);
    }

    [Test]
    public void NormalCdfIsWithinItsBound()
    {
        double worst = 0, worstDensity = 0;
        foreach (float x in Grid(-15, 15, 400_009))
        {
            float cdf = Lane(VectorMath.NormalCdf(new Vector<float>(x), out var density));
            worst = Math.Max(worst, Math.Abs(cdf - ScalarMath.NormalCdf(x)));
            worstDensity = Math.Max(worstDensity, Math.Abs(Lane(density) - Math.Exp(-0.5 * x * (double)x)));
        }
        TestContext.Out.WriteLine($"largest error of the cdf {worst:G3}, of the density {worstDensity:G3}");
        Assert.That(worst, Is.LessThan(2e-7));
        Assert.That(worstDensity, Is.LessThan(2e-7));
        Assert.That(Lane(VectorMath.NormalCdf(new Vector<float>(float.NaN), out _)), Is.NaN);
        Assert.That(Lane(VectorMath.NormalCdf(new Vector<float>(float.PositiveInfinity), out _)), Is.EqualTo(1f));
        Assert.That(Lane(VectorMath.NormalCdf(new Vector<float>(float.NegativeInfinity), out _)), Is.Zero);
    }

    /// <summary>Values of the normal cdf to 16 digits, from its tables.</summary>
    [TestCase(0, 0.5)]
    [TestCase(1, 0.8413447460685429)]
    [TestCase(-1, 0.1586552539314571)]
    [TestCase(1.959963984540054, 0.975)]
    [TestCase(-3, 0.0013498980316300945)]
    [TestCase(-2.9999, 0.0013503412829549249)]
    [TestCase(-6, 9.865876450376981e-10)]
    [TestCase(-10, 7.619853024160527e-24)]
    [TestCase(-40, 0)]
    [TestCase(40, 1)]
    public void ScalarNormalCdf(double x, double expected) =>
        Assert.That(ScalarMath.NormalCdf(x), Is.EqualTo(expected).Within(x > -3 ? 2e-16 : 1e-14 * expected));

    [TestCase(1e-18)]
    [TestCase(1e-9)]
    [TestCase(0.3)]
    [TestCase(1)]
    public void ScalarLog1p(double u) =>
        Assert.That(ScalarMath.Log1p(u), Is.EqualTo(u < 1e-6 ? u - u * u / 2 : Math.Log(1 + u)).Within(3e-16 * u));

    static IEnumerable<float> Grid(float from, float to, int count)
    {
        for (int i = 0; i < count; i++)
            yield return (float)(from + (double)(to - from) * i / (count - 1));
    }

    static float Lane(Vector<float> vector) => vector[Vector<float>.Count - 1];
}
