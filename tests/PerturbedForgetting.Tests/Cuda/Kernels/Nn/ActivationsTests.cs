using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends;
using PerturbedForgetting.Tensors.Backends.Cuda;

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
        DeviceBuffer<float> y = Poisoned<float>(count), again = Upload<float>(x);
        Library.Map(Stream, f.Kernel, 1, count, y, Upload<float>(x), (long)count);
        // In place, the same bits.
        Library.Map(Stream, f.Kernel, 1, count, again, again, (long)count);
        using Tensor expected = Tensor.Empty([count], DType.Float32);
        expected.Backend.Map(f, OnCpu(x), expected);
        AssertClose(Download(y), expected.ToArray<float>(), f == Unary.Relu ? 0 : 6e-7, f == Unary.Relu ? 0 : 6e-7);
        AssertClose(Download(again), Download(y), 0);
        AssertTraffic(f.Kernel, loaded: 8L * count, stored: 8L * count, isCoalesced: count % 128 == 0);
    }

    [Test]
    public void Backward([ValueSource(nameof(counts))] int count, [ValueSource(nameof(operations))] Unary f)
    {
        float[] dy = Normal(count), saved = f == Unary.Gelu ? Normal(count, 3)
            : f == Unary.Sigmoid ? Uniform(count, 0, 1)
            : [.. Normal(count).Select(v => Math.Max(v, 0))];
        DeviceBuffer<float> dx = Poisoned<float>(count);
        Library.Map(Stream, f.Backward.Kernel, 2, count, dx, Upload<float>(dy), Upload<float>(saved), (long)count);
        using Tensor expected = Tensor.Empty([count], DType.Float32);
        expected.Backend.Map(f.Backward, OnCpu(dy), OnCpu(saved), expected);
        AssertClose(Download(dx), expected.ToArray<float>(), f == Unary.Relu ? 0 : 1e-6, f == Unary.Relu ? 0 : 2e-6);
        AssertTraffic(f.Backward.Kernel, loaded: 8L * count, stored: 4L * count, isCoalesced: count % 128 == 0);
    }
}
