using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors.Backends.Cuda;

namespace PerturbedForgetting.Tests.Cuda.Kernels;

[TestFixtureSource(typeof(KernelDevices))]
sealed class ElementwiseTests(string device) : KernelFixture(device)
{
    static readonly int[] counts = [1, 31, 32, 33, 1023, 1025, 8 * 50 * 384];

    [Test]
    public void TwoSources([ValueSource(nameof(counts))] int count, [Values("elementwise_add", "elementwise_sub", "elementwise_mul")] string kernel)
    {
        float[] a = Normal(count), b = Normal(count);
        (a[0], b[count - 1]) = (float.PositiveInfinity, float.NaN);
        DeviceBuffer<float> y = Poisoned<float>(count), again = Poisoned<float>(count), left = Upload<float>(a), right = Upload<float>(b);
        Library.Map(Stream, kernel, 2, count, y, left, right, (long)count);
        Library.Map(Stream, kernel, 2, count, again, left, right, (long)count);
        float[] expected = [.. a.Zip(b, (u, v) => kernel switch { "elementwise_add" => u + v, "elementwise_sub" => u - v, _ => u * v })];
        AssertClose(Download(y), expected, 0);
        AssertClose(Download(again), expected, 0);
        AssertTraffic(kernel, loaded: 16L * count, stored: 8L * count, isCoalesced: count % 128 == 0);
    }

    [Test]
    public void Multiples([ValueSource(nameof(counts))] int count)
    {
        float[] x = Normal(count);
        DeviceBuffer<float> source = Upload<float>(x), scaled = Poisoned<float>(count), scaledBy = Poisoned<float>(count);
        Library.Map(Stream, "elementwise_scale", 1, count, scaled, source, 0.3f, (long)count);
        Library.Map(Stream, "elementwise_scale_by", 1, count, scaledBy, source, Upload(-1.7f), (long)count);
        AssertClose(Download(scaled), x.Select(v => v * 0.3f).ToArray(), 0);
        AssertClose(Download(scaledBy), x.Select(v => v * -1.7f).ToArray(), 0);
    }
}
