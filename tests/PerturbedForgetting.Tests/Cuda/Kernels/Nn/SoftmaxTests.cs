using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tests.Cuda.Kernels;

[TestFixtureSource(typeof(KernelDevices))]
sealed class SoftmaxKernelTests(string device) : KernelFixture(device)
{
    [Test]
    public void ForwardAndBackward([Values(1, 31, 33, 197, 1000, 1025, 21841)] int columns, [Values] bool isLog)
    {
        int rows = columns > 10000 ? 2 : 5;
        float[] x = Normal(rows * columns, 4), dy = Normal(rows * columns);
        DeviceBuffer<float> y = Poisoned<float>(x.Length), dx = Poisoned<float>(x.Length), again = Poisoned<float>(x.Length), source = Upload<float>(x);
        var kernels = new Softmax(Library);
        kernels.Forward(Stream, y, source, rows, columns, isLog);
        kernels.Forward(Stream, again, source, rows, columns, isLog);
        AssertClose(Download(again), Download(y), 0);
        Tensor expected = Tensor.Empty([rows, columns], DType.Float32);
        Backend cpu = expected.Backend;
        Tensor input = OnCpu(x, rows, columns);
        (isLog ? (Action<Tensor, Tensor>)cpu.LogSoftmax : cpu.Softmax)(input, expected);
        // exp is 1.5e-7 off on either side; the CPU adds columns / 16 numbers a lane, each sum rounded to 2^-24 of itself.
        AssertClose(Download(y), expected.ToArray<float>(), 1e-6 + Math.ScaleB(columns, -28), 1e-6 + Math.ScaleB(columns, -28));
        kernels.Backward(Stream, dx, Upload<float>(dy), Upload<float>(expected.ToArray<float>()), rows, columns, isLog);
        // In float64: a thread of the kernel adds columns / 128 products, each sum, of order sqrt(columns), rounded to 2^-24 of itself, and 8 steps join them.
        double[] g = Array.ConvertAll(dy, static v => (double)v), outputs = Array.ConvertAll(expected.ToArray<float>(), static v => (double)v);
        Tensor exact = Tensor.Empty([rows, columns], DType.Float64);
        (isLog ? (Action<Tensor, Tensor, Tensor>)cpu.LogSoftmaxBackward : cpu.SoftmaxBackward)(OnCpu(g, rows, columns), OnCpu(outputs, rows, columns), exact);
        AssertClose(Download(dx), Array.ConvertAll(exact.ToArray<double>(), static v => (float)v), 2e-6, 1e-6 + Math.ScaleB(((columns / 128.0) + 8) * Math.Sqrt(columns), -24));
    }

    [Test]
    public void ANotANumberFillsItsRowAlone()
    {
        float[] x = Normal(3 * 40);
        x[45] = float.NaN;
        DeviceBuffer<float> y = Poisoned<float>(x.Length);
        new Softmax(Library).Forward(Stream, y, Upload<float>(x), 3, 40, isLog: false);
        Assert.That(Download(y).Select(float.IsNaN), Is.EqualTo(Enumerable.Range(0, 120).Select(i => i / 40 == 1)));
    }
}
