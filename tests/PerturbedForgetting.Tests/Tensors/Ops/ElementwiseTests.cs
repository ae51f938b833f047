using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tests.Reference;

namespace PerturbedForgetting.Tests.Tensors.OpsTests;

[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Names)), NonParallelizable]
sealed class ElementwiseTests(string device) : DeviceFixture(device)
{
    static readonly Dictionary<string, Func<IReadOnlyDictionary<string, Tensor>, Tensor>> Operations = new()
    {
        ["relu"] = x => Ops.Relu(x["x"]),
        ["gelu_erf"] = x => Ops.Gelu(x["x"]),
        ["sigmoid"] = x => Ops.Sigmoid(x["x"]),
        ["add_relu"] = x => Ops.Relu(x["x"] + x["z"]),
        ["x*x+x"] = x => (x["x"] * x["x"]) + x["x"],
    };

    static IEnumerable<ReferenceCase> Cases() => Operations.Keys.SelectMany(op => ReferenceData.Cases("ops", op));

    [TestCaseSource(nameof(Cases))]
    public void EqualsTheReference(ReferenceCase c) => ReferenceOps.Check(c, Operations[c.Op]);

    [Test]
    public void EveryReferenceCaseRuns() => Assert.That(Cases().Count(), Is.EqualTo(3 + 3 + 2 + 1 + 1));

    [TestCase(1_000, 10)]
    [TestCase(70, 5000)]
    [TestCase(3, 3)]
    [TestCase(1, 7)]
    [TestCase(9001, 1)]
    public void SumsOverRowsAreExact(int rows, int columns)
    {
        using var scope = Scope.Begin();
        // Small integers, so that float sums have one right answer whatever the order.
        float[] values = Enumerable.Range(0, rows * columns).Select(i => (float)((i * 7 % 23) - 11)).ToArray();
        Parameter b = new(Zeros([columns]));
        Ops.AddBroadcast(Zeros([rows, columns]), b).Backward(From(values, [rows, columns]));
        float[] sums = b.Grad!.ToArray<float>();
        for (int j = 0; j < columns; j++)
            Assert.That(sums[j], Is.EqualTo(Enumerable.Range(0, rows).Sum(i => (double)values[(i * columns) + j])));
        b.Grad.Dispose();
    }

    /// <summary>
    /// On a GPU sums of all numbers are made in float64: only the last rounding is left. On the CPU each addition rounds a running sum of
    /// order √i, evenly up to 2⁻²⁴ of it: a standard deviation of at most 2⁻²⁴ n / √6, of which six are allowed.
    /// </summary>
    [TestCase(1), TestCase(31), TestCase(33), TestCase(1023), TestCase(1025), TestCase(70_001), TestCase(64 * 4096)]
    public void TheSumIsThatOfDoublePrecision(int count)
    {
        using var scope = Scope.Begin();
        Tensor x = GradientCheck.Normal([count], 1);
        double expected = x.ToArray<float>().Sum(static v => (double)v);
        double roundings = Device == Device.Cpu ? Math.ScaleB(Math.Sqrt(6) * count, -24) : 0;
        Assert.That(Ops.Sum(x).Item(), Is.EqualTo(expected).Within(roundings + 1e-9 + (1.2e-7 * Math.Abs(expected))));
    }

    [Test]
    public void NotANumberStaysAndInfinityIsInOrder()
    {
        using var scope = Scope.Begin();
        Tensor x = From([float.NaN, float.PositiveInfinity, float.NegativeInfinity, 0f], [4]);
        Assert.That(Ops.Relu(x).ToArray<float>(), Is.EqualTo(new[] { float.NaN, float.PositiveInfinity, 0f, 0f }));
        Assert.That(Ops.Sigmoid(x).ToArray<float>(), Is.EqualTo(new[] { float.NaN, 1f, 0f, 0.5f }));
        float[] gelu = Ops.Gelu(x).ToArray<float>();
        Assert.That(gelu[0], Is.NaN);
        Assert.That(gelu[1], Is.EqualTo(float.PositiveInfinity));
    }

    [Test]
    public void EmptyTensorsPass()
    {
        using var scope = Scope.Begin();
        Tensor none = Empty([0, 4]);
        Assert.That((none + none).Count, Is.Zero);
        Assert.That(Ops.AddBroadcast(none, Zeros([4])).Count, Is.Zero);
        Assert.That(Ops.Sum(none).Item(), Is.Zero);
        Assert.That(Ops.Softmax(none).Count, Is.Zero);
    }

    [Test]
    public void WrongShapesAreNamed()
    {
        using var scope = Scope.Begin();
        Tensor a = Zeros([2, 3]), b = Zeros([3, 2]), c = Zeros([3], DType.Float64);
        Assert.That(() => Ops.Mul(a, b), Throws.InstanceOf<ArgumentException>().With.Message.Contains("[2, 3]")
            .And.Message.Contains("[3, 2]"));
        Assert.That(() => Ops.AddBroadcast(a, b), Throws.InstanceOf<ArgumentException>().With.Message.Contains("[3, 2]"));
        Assert.That(() => Ops.AddBroadcast(a, c), Throws.InstanceOf<ArgumentException>().With.Message.Contains("Float64"));
        Assert.That(() => Ops.AddBroadcast(c, a), Throws.InstanceOf<ArgumentException>());
    }
}
