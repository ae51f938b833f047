using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends;

namespace PerturbedForgetting.Tests.Cuda.Kernels;

/// <summary>Elementwise kernels against the CPU; both evaluate the same polynomials, with other roundings.</summary>
[TestFixtureSource(typeof(KernelDevices))]
sealed class ActivationsTests(string device) : KernelFixture(device)
{
    static readonly int[] counts = [1, 31, 32, 33, 1023, 1025, 8 * 50 * 384];

    static readonly Unary[] operations = [Unary.Relu, Unary.Sigmoid, Unary.Gelu];

    [Test]
    public void Forward([ValueSource(nameof(counts))] int count, [ValueSource(nameof(operations))] Unary f)
    {
        float[] x = Normal(count, 3);
        float[] special = [float.NaN, float.PositiveInfinity, float.NegativeInfinity, 0, -0f, 100, -100, 1e-40f];
        if (f != Unary.Gelu && count > special.Length)
            special.CopyTo(x, 0);
        Tensor y = Output(count), again = Input(x);
        Backend.Map(f, Input(x), y);
        // In place, the same bits.
        Backend.Map(f, again, again);
        using Tensor expected = Tensor.Empty([count], DType.Float32);
        expected.Backend.Map(f, OnCpu(x), expected);
        AssertClose(y, expected, f == Unary.Relu ? 0 : 6e-7, f == Unary.Relu ? 0 : 6e-7);
        AssertClose(again, y, 0);
        AssertTraffic(f.Kernel, loaded: 8L * count, stored: 8L * count, isCoalesced: count % 128 == 0);
    }

    [Test]
    public void Backward([ValueSource(nameof(counts))] int count, [ValueSource(nameof(operations))] Unary f)
    {
        float[] dy = Normal(count), saved = f == Unary.Gelu ? Normal(count, 3)
            : f == Unary.Sigmoid ? Uniform(count, 0, 1)
            : [.. Normal(count).Select(v => Math.Max(v, 0))];
        Tensor dx = Output(count);
        Backend.Map(f.Backward, Input(dy), Input(saved), dx);
        using Tensor expected = Tensor.Empty([count], DType.Float32);
        expected.Backend.Map(f.Backward, OnCpu(dy), OnCpu(saved), expected);
        AssertClose(dx, expected, f == Unary.Relu ? 0 : 1e-6, f == Unary.Relu ? 0 : 2e-6);
        AssertTraffic(f.Backward.Kernel, loaded: 8L * count, stored: 4L * count, isCoalesced: count % 128 == 0);
    }
}
