using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends;

namespace PerturbedForgetting.Tests.Cuda.Kernels;

[TestFixtureSource(typeof(KernelDevices))]
sealed class ElementwiseTests(string device) : KernelFixture(device)
{
    static readonly int[] counts = [1, 31, 32, 33, 1023, 1025, 8 * 50 * 384];

    static readonly Binary[] operations = [Binary.Add, Binary.Sub, Binary.Mul];

    [Test]
    public void TwoSources([ValueSource(nameof(counts))] int count, [ValueSource(nameof(operations))] Binary f)
    {
        float[] a = Normal(count), b = Normal(count);
        (a[0], b[count - 1]) = (float.PositiveInfinity, float.NaN);
        Tensor y = Output(count), again = Output(count), left = Input(a), right = Input(b);
        Backend.Map(f, left, right, y);
        Backend.Map(f, left, right, again);
        float[] expected = [.. a.Zip(b, (u, v) => f == Binary.Add ? u + v : f == Binary.Sub ? u - v : u * v)];
        AssertClose(y, expected, 0);
        AssertClose(again, expected, 0);
        AssertTraffic(f.Kernel, loaded: 16L * count, stored: 8L * count, isCoalesced: count % 128 == 0);
    }

    [Test]
    public void Multiples([ValueSource(nameof(counts))] int count)
    {
        float[] x = Normal(count);
        Tensor source = Input(x), scaled = Output(count), scaledBy = Output(count);
        Backend.Map(Unary.Scale, source, scaled, 0.3f);
        Backend.ScaleBy(source, Input([-1.7f]), scaledBy);
        AssertClose(scaled, x.Select(v => v * 0.3f).ToArray(), 0);
        AssertClose(scaledBy, x.Select(v => v * -1.7f).ToArray(), 0);
    }
}
