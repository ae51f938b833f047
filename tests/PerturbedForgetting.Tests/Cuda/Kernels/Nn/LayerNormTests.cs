using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tests.Cuda.Kernels;

[TestFixtureSource(typeof(KernelDevices))]
sealed class LayerNormKernelTests(string device) : KernelFixture(device)
{
    [TestCase(1, 1)]
    [TestCase(3, 31)]
    [TestCase(5, 33)]
    [TestCase(300, 192)]
    [TestCase(50, 384)]
    [TestCase(7, 1025)]
    public void ForwardAndBackward(int rows, int columns)
    {
        float[] x = [.. Normal(rows * columns).Select(v => v + 100)], w = Normal(columns), b = Normal(columns), dy = Normal(rows * columns);
        var kernels = new LayerNorm(Library);
        DeviceBuffer<float> y = Poisoned<float>(x.Length), statistics = Poisoned<float>(3 * rows), dx = Poisoned<float>(x.Length), dw = Poisoned<float>(columns),
            db = Upload<float>(b), source = Upload<float>(x), weight = Upload<float>(w);
        kernels.Forward(Stream, y, statistics, source, weight, Upload<float>(b), 1e-6, rows, columns);
        Tensor input = OnCpu(x, rows, columns), scale = OnCpu(w), shift = OnCpu(b), output = Tensor.Empty([rows, columns], DType.Float32), saved = Tensor.Empty([rows, 3], DType.Float32);
        Backend cpu = output.Device.Backend;
        cpu.LayerNorm(input, scale, shift, 1e-6, output, saved);
        // Numbers around 100 keep 1e-5 of their spread of 1; both sides take the mean's rounding back.
        AssertClose(Download(y), output.ToArray<float>(), 1e-5, 2e-5);
        Tensor dinput = Tensor.Empty([rows, columns], DType.Float32), dweight = Tensor.Empty([columns], DType.Float32), dbias = OnCpu(b);
        DeviceBuffer<float> partial = Scratch<float>(2L * LayerNorm.Parts(rows) * columns);
        kernels.Backward(Stream, dx, dw, false, db, true, partial, Upload<float>(dy), source, weight, Upload<float>(saved.ToArray<float>()), rows, columns);
        cpu.LayerNormBackward(OnCpu(dy, rows, columns), input, scale, saved, dinput, dweight, false, dbias, true);
        double sums = Math.ScaleB(rows * Math.Sqrt(rows), -23) + 1e-6;
        AssertClose(Download(dx), dinput.ToArray<float>(), 1e-5, columns == 1 ? 1e-2 : 2e-5);
        AssertClose(Download(dw), dweight.ToArray<float>(), 1e-5, sums);
        AssertClose(Download(db), dbias.ToArray<float>(), 1e-5, sums);
    }

    [Test]
    public void WhatIsNotWantedIsNotMade()
    {
        const int rows = 9, columns = 65;
        float[] x = Normal(rows * columns), dy = Normal(rows * columns), w = Normal(columns);
        var kernels = new LayerNorm(Library);
        DeviceBuffer<float> y = Poisoned<float>(x.Length), statistics = Poisoned<float>(3 * rows), dx = Poisoned<float>(x.Length), source = Upload<float>(x), weight = Upload<float>(w);
        kernels.Forward(Stream, y, statistics, source, weight, weight, 1e-5, rows, columns);
        kernels.Backward(Stream, dx, DevicePointer.Null, false, DevicePointer.Null, false, DevicePointer.Null, Upload<float>(dy), source, weight, statistics, rows, columns);
        Assert.That(Download(dx), Has.None.NaN);
    }
}
