using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tests.Cuda.Kernels;

[TestFixtureSource(typeof(KernelDevices))]
sealed class PoolingKernelTests(string device) : KernelFixture(device)
{
    static readonly (int Height, int Width, int Channels, int Kernel, int Stride, int Padding, bool Ceiling)[] cases =
        [(1, 1, 1, 1, 1, 0, false), (7, 5, 3, 3, 2, 1, false), (8, 9, 33, 3, 2, 1, true), (6, 6, 4, 2, 2, 0, true), (7, 7, 2, 2, 2, 0, true), (16, 16, 64, 3, 2, 1, false), (5, 6, 1, 3, 1, 1, false)];

    const int images = 2;

    [Test]
    public void Max([ValueSource(nameof(cases))] (int Height, int Width, int Channels, int Kernel, int Stride, int Padding, bool Ceiling) shape)
    {
        (Pooling.Windows windows, Pool2dGeometry geometry, Tensor x, Tensor y, Tensor dy, Tensor dx) = Make(shape);
        float[] values = x.ToArray<float>();
        // Equal numbers and NaN.
        for (int i = 0; i < values.Length; i++)
            values[i] = i % 5 == 0 ? 1 : i % 23 == 7 ? float.NaN : values[i];
        x = OnCpu(values, images, shape.Height, shape.Width, shape.Channels);
        Tensor index = Tensor.Empty(y.Shape, DType.Int32);
        x.Backend.MaxPool2d(x, geometry, y, index);
        x.Backend.MaxPool2dBackward(dy, index, geometry, dx);
        DeviceBuffer<float> output = Poisoned<float>(y.Count), input = Poisoned<float>(x.Count);
        DeviceBuffer<int> places = Poisoned<int>(y.Count);
        var kernels = new Pooling(Library);
        kernels.Max(Stream, output, places, Upload<float>(values), windows, images);
        kernels.MaxBackward(Stream, input, Upload<float>(dy.ToArray<float>()), places, windows, images);
        AssertClose(Download(output), y.ToArray<float>(), 0);
        Assert.That(Download(places), Is.EqualTo(index.ToArray<int>()));
        AssertClose(Download(input), dx.ToArray<float>(), 1e-6, 1e-6);
    }

    [Test]
    public void Avg([ValueSource(nameof(cases))] (int Height, int Width, int Channels, int Kernel, int Stride, int Padding, bool Ceiling) shape, [Values] bool countPadding)
    {
        (Pooling.Windows windows, Pool2dGeometry geometry, Tensor x, Tensor y, Tensor dy, Tensor dx) = Make(shape);
        x.Backend.AvgPool2d(x, geometry, countPadding, y);
        x.Backend.AvgPool2dBackward(dy, geometry, countPadding, dx);
        DeviceBuffer<float> output = Poisoned<float>(y.Count), input = Poisoned<float>(x.Count);
        var kernels = new Pooling(Library);
        kernels.Avg(Stream, output, Upload<float>(x.ToArray<float>()), windows, countPadding, images);
        kernels.AvgBackward(Stream, input, Upload<float>(dy.ToArray<float>()), windows, countPadding, images);
        AssertClose(Download(output), y.ToArray<float>(), 1e-6, 1e-6);
        AssertClose(Download(input), dx.ToArray<float>(), 1e-6, 1e-6);
    }

    [TestCase(1, 1, 1)]
    [TestCase(7, 7, 33)]
    [TestCase(4, 4, 512)]
    public void Global(int height, int width, int channels)
    {
        float[] x = Normal(images * height * width * channels), dy = Normal(images * channels);
        Tensor y = Tensor.Empty([images, channels], DType.Float32), dx = Tensor.Empty([images, height, width, channels], DType.Float32);
        y.Backend.GlobalAvgPool2d(OnCpu(x, images, height, width, channels), y);
        y.Backend.GlobalAvgPool2dBackward(OnCpu(dy, images, channels), dx);
        DeviceBuffer<float> output = Poisoned<float>(y.Count), input = Poisoned<float>(dx.Count);
        var kernels = new Pooling(Library);
        kernels.Global(Stream, output, Upload<float>(x), height * width, channels, images);
        kernels.GlobalBackward(Stream, input, Upload<float>(dy), height * width, channels, images);
        AssertClose(Download(output), y.ToArray<float>(), 1e-6, 1e-6);
        AssertClose(Download(input), dx.ToArray<float>(), 0);
    }

    (Pooling.Windows Windows, Pool2dGeometry Geometry, Tensor X, Tensor Y, Tensor Dy, Tensor Dx) Make((int Height, int Width, int Channels, int Kernel, int Stride, int Padding, bool Ceiling) s)
    {
        int outHeight = Pool2dGeometry.Outputs(s.Height, s.Kernel, s.Stride, s.Padding, s.Ceiling), outWidth = Pool2dGeometry.Outputs(s.Width, s.Kernel, s.Stride, s.Padding, s.Ceiling);
        var windows = new Pooling.Windows
        {
            Height = s.Height,
            Width = s.Width,
            OutHeight = outHeight,
            OutWidth = outWidth,
            Channels = s.Channels,
            KernelH = s.Kernel,
            KernelW = s.Kernel,
            StrideH = s.Stride,
            StrideW = s.Stride,
            PadH = s.Padding,
            PadW = s.Padding,
        };
        var geometry = new Pool2dGeometry(s.Kernel, s.Stride, s.Padding);
        Shape inputs = [images, s.Height, s.Width, s.Channels], outputs = [images, outHeight, outWidth, s.Channels];
        return (windows, geometry, OnCpu(Normal(images * s.Height * s.Width * s.Channels), images, s.Height, s.Width, s.Channels), Tensor.Empty(outputs, DType.Float32),
            OnCpu(Normal(images * outHeight * outWidth * s.Channels), images, outHeight, outWidth, s.Channels), Tensor.Empty(inputs, DType.Float32));
    }
}
