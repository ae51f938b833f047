using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tests.Cuda.Kernels;

[TestFixtureSource(typeof(KernelDevices))]
sealed class ElementwiseTests(string device) : KernelFixture(device)
{
    static readonly int[] counts = [1, 31, 32, 33, 1023, 1025, 8 * 50 * 384];

    [Test]
    public void TwoSources([ValueSource(nameof(counts))] int count, [Values("add", "sub", "mul")] string operation)
    {
        float[] a = Normal(count), b = Normal(count);
        (a[0], b[count - 1]) = (float.PositiveInfinity, float.NaN);
        DeviceBuffer<float> y = Poisoned<float>(count), again = Poisoned<float>(count), left = Upload<float>(a), right = Upload<float>(b);
        var kernels = new Elementwise(Library);
        Action<CudaStream, DevicePointer, DevicePointer, DevicePointer, long> launch = operation switch { "add" => kernels.Add, "sub" => kernels.Sub, _ => kernels.Mul };
        launch(Stream, y, left, right, count);
        launch(Stream, again, left, right, count);
        float[] expected = [.. a.Zip(b, (u, v) => operation switch { "add" => u + v, "sub" => u - v, _ => u * v })];
        AssertClose(Download(y), expected, 0);
        AssertClose(Download(again), expected, 0);
        AssertTraffic("elementwise_" + operation, loaded: 16L * count, stored: 8L * count, isCoalesced: count % 128 == 0);
    }

    [Test]
    public void Multiples([ValueSource(nameof(counts))] int count)
    {
        float[] x = Normal(count);
        var kernels = new Elementwise(Library);
        DeviceBuffer<float> source = Upload<float>(x), scaled = Poisoned<float>(count), scaledBy = Poisoned<float>(count);
        kernels.Scale(Stream, scaled, source, 0.3f, count);
        kernels.ScaleBy(Stream, scaledBy, source, Upload(-1.7f), count);
        AssertClose(Download(scaled), x.Select(v => v * 0.3f).ToArray(), 0);
        AssertClose(Download(scaledBy), x.Select(v => v * -1.7f).ToArray(), 0);
    }
}
