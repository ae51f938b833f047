using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Tensors.Random;

namespace PerturbedForgetting.Tests.Tensors.Nn;

[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Names))]
sealed class InitializationTests(string device) : DeviceFixture(device)
{
    const ulong Seed = 77;

    // Longer than a chunk, and not a multiple of four.
    static readonly Shape Odd = [3, 4097];

    [Test]
    public void ValuesAreThoseOfThePhiloxStreamAtTheirIndex()
    {
        using var init = Initialization.Begin(Seed, Device);
        using var first = init.Normal(Odd, 0.5);
        using var second = init.Uniform(Odd, 3);
        float[] normal = first.ToArray<float>(), uniform = second.ToArray<float>();
        var stream0 = new Philox(Seed, Streams.Initialization);
        var stream1 = new Philox(Seed, Streams.Initialization | 1);
        for (int i = 0; i < normal.Length; i++)
        {
            Assert.That(normal[i], Is.EqualTo((float)(stream0.Normal((ulong)i) * 0.5)));
            Assert.That(uniform[i], Is.EqualTo((float)((2.0 * stream1.Uniform((ulong)i) - 1) * 3)));
        }
    }

    [Test]
    public void TruncatedNormalIsCutAtTwoDeviations()
    {
        using var init = Initialization.Begin(Seed, Device);
        using var tensor = init.TruncatedNormal([100_000], 0.1);
        float[] values = tensor.ToArray<float>();
        Assert.That(values, Is.All.InRange(-0.2f, 0.2f));
        Assert.That(Math.Sqrt(values.Average(x => (double)x * x)), Is.EqualTo(0.1 * 0.87962566103423978).Within(3e-4));
    }

    [Test]
    public void UndefinedValuesKeepDeviceAndTypeAndDrawNothing()
    {
        double[] expected;
        using (var init = Initialization.Begin(Seed, Device, DType.Float64))
        using (var tensor = init.Normal([8], 1))
            expected = tensor.ToArray<double>();
        using var outer = Initialization.Begin(Seed, Device, DType.Float64);
        using (var inner = Initialization.BeginUndefined())
        {
            using var tensor = inner.Normal([8], 1);
            Assert.That(tensor.DType, Is.EqualTo(DType.Float64));
            Assert.That(Initialization.Current, Is.SameAs(inner));
        }
        using var after = outer.Normal([8], 1);
        Assert.That(after.ToArray<double>(), Is.EqualTo(expected));
    }
}
