using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends;

namespace PerturbedForgetting.Tests.Cuda.Kernels;

[TestFixtureSource(typeof(KernelDevices))]
sealed class SoftmaxKernelTests(string device) : KernelFixture(device)
{
    [Test]
    public void ForwardAndBackward([Values(1, 31, 33, 197, 1000, 1025, 21841)] int columns, [Values] bool isLog)
    {
        int rows = columns > 10000 ? 2 : 5;
        float[] x = Normal(rows * columns, 4), dy = Normal(rows * columns);
        Tensor y = Output(rows, columns), dx = Output(rows, columns), again = Output(rows, columns), source = Input(x, rows, columns), expected = Tensor.Empty([rows, columns]);
        Backend cpu = expected.Backend;
        Forward(Backend, source, y);
        Forward(Backend, source, again);
        AssertClose(again, y, 0);
        Forward(cpu, OnCpu(x, rows, columns), expected);
        // exp is 1.5e-7 off on either side; the CPU adds columns / 16 numbers a lane, each sum rounded to 2^-24 of itself.
        AssertClose(y, expected, 1e-6 + Math.ScaleB(columns, -28), 1e-6 + Math.ScaleB(columns, -28));
        Backward(Backend, Input(dy, rows, columns), Input(expected.ToArray<float>(), rows, columns), dx);
        // In float64: a thread of the kernel adds columns / 128 products, each sum, of order sqrt(columns), rounded to 2^-24 of itself, and 8 steps join them.
        double[] g = Array.ConvertAll(dy, static v => (double)v), outputs = Array.ConvertAll(expected.ToArray<float>(), static v => (double)v);
        Tensor exact = Tensor.Empty([rows, columns], DType.Float64);
        Backward(exact.Backend, OnCpu(g, rows, columns), OnCpu(outputs, rows, columns), exact);
        AssertClose(dx, Array.ConvertAll(exact.ToArray<double>(), static v => (float)v), 2e-6, 1e-6 + Math.ScaleB(((columns / 128.0) + 8) * Math.Sqrt(columns), -24));

        void Forward(Backend backend, Tensor x, Tensor y) => (isLog ? (Action<Tensor, Tensor>)backend.LogSoftmax : backend.Softmax)(x, y);

        void Backward(Backend backend, Tensor dy, Tensor y, Tensor dx) => (isLog ? (Action<Tensor, Tensor, Tensor>)backend.LogSoftmaxBackward : backend.SoftmaxBackward)(dy, y, dx);
    }

    [Test]
    public void ANotANumberFillsItsRowAlone()
    {
        float[] x = Normal(3 * 40);
        x[45] = float.NaN;
        Tensor y = Output(3, 40);
        Backend.Softmax(Input(x, 3, 40), y);
        Assert.That(y.ToArray<float>().Select(float.IsNaN), Is.EqualTo(Enumerable.Range(0, 120).Select(i => i / 40 == 1)));
    }
}
