using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends;
using PerturbedForgetting.Tensors.Memory;

namespace PerturbedForgetting.Tests.Tensors.OpsTests;

/// <summary>Where a backend says that a result may lie where an input lies, it has the same bits there; and sums are added to what is
/// there.</summary>
[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Names))]
sealed class InPlaceTests(string device) : DeviceFixture(device)
{
    static readonly Dictionary<string, Action<Backend, Tensor, Tensor, Tensor>> operations = new()
    {
        ["Add"] = (b, x, other, y) => b.Map(Binary.Add, x, other, y),
        ["Add to the second"] = (b, x, other, y) => b.Map(Binary.Add, other, x, y),
        ["Sub"] = (b, x, other, y) => b.Map(Binary.Sub, x, other, y),
        ["Sub from the second"] = (b, x, other, y) => b.Map(Binary.Sub, other, x, y),
        ["Mul"] = (b, x, other, y) => b.Map(Binary.Mul, x, other, y),
        ["Mul by the second"] = (b, x, other, y) => b.Map(Binary.Mul, other, x, y),
        ["Scale"] = (b, x, _, y) => b.Map(Unary.Scale, x, y, 0.3),
        ["ScaleBy"] = (b, x, other, y) => b.ScaleBy(x, other.View([1]), y),
        ["AddBroadcast"] = (b, x, other, y) => b.AddBroadcast(x, other.View([x.Shape[-1]]), y),
        ["Relu"] = (b, x, _, y) => b.Map(Unary.Relu, x, y),
        ["ReluBackward"] = (b, x, other, y) => b.Map(Unary.Relu.Backward, x, other, y),
        ["Sigmoid"] = (b, x, _, y) => b.Map(Unary.Sigmoid, x, y),
        ["SigmoidBackward"] = (b, x, other, y) => b.Map(Unary.Sigmoid.Backward, x, other, y),
        ["Gelu"] = (b, x, _, y) => b.Map(Unary.Gelu, x, y),
        ["GeluBackward"] = (b, x, other, y) => b.Map(Unary.Gelu.Backward, x, other, y),
    };

    static IEnumerable<string> Names => operations.Keys;

    [Test]
    public void TheBitsAreTheSame([ValueSource(nameof(Names))] string name, [Values(1, 33, 1025)] int columns)
    {
        using var scope = Scope.Begin();
        Shape shape = [3, columns];
        Tensor x = GradientCheck.Normal(shape, 1), other = GradientCheck.Normal(shape, 2), y = Empty(shape);
        operations[name](x.Backend, x, other, y);
        operations[name](x.Backend, x, other, x);
        Assert.That(x.ToArray<float>(), Is.EqualTo(y.ToArray<float>()));
    }

    [TestCase(1, 1), TestCase(31, 33), TestCase(1025, 7), TestCase(400, 64), TestCase(2, 1025)]
    public void SumsOverRowsAreAddedToWhatIsThere(int rows, int columns)
    {
        using var scope = Scope.Begin();
        Tensor x = GradientCheck.Normal([rows, columns], 1), sum = Empty([columns]), added = GradientCheck.Normal([columns], 2);
        float[] old = added.ToArray<float>();
        x.Backend.SumLeading(x, sum, accumulate: false);
        x.Backend.SumLeading(x, added, accumulate: true);
        Assert.That(added.ToArray<float>(), Is.EqualTo(sum.ToArray<float>().Zip(old, (a, b) => a + b)).Within(1e-6 * Math.Sqrt(rows)));
    }
}
