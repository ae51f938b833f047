using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends;

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
        (Pool2dGeometry geometry, Tensor x, Tensor y, Tensor dy, Tensor dx) = Make(shape);
        float[] values = x.ToArray<float>();
        // Equal numbers and NaN.
        for (int i = 0; i < values.Length; i++)
            values[i] = i % 5 == 0 ? 1 : i % 23 == 7 ? float.NaN : values[i];
        x = OnCpu(values, images, shape.Height, shape.Width, shape.Channels);
        Tensor index = Tensor.Empty(y.Shape, DType.Int32);
        x.Backend.MaxPool2d(x, geometry, y, index);
        x.Backend.MaxPool2dBackward(dy, index, geometry, dx);
        Tensor output = Output(y.Shape.ToArray()), input = Output(x.Shape.ToArray()), places = Output(DType.Int32, y.Shape.ToArray());
        Backend.MaxPool2d(Copy(x), geometry, output, places);
        Backend.MaxPool2dBackward(Copy(dy), places, geometry, input);
        AssertClose(output, y, 0);
        Assert.That(places.ToArray<int>(), Is.EqualTo(index.ToArray<int>()));
        AssertClose(input, dx, 1e-6, 1e-6);
    }

    [Test]
    public void Avg([ValueSource(nameof(cases))] (int Height, int Width, int Channels, int Kernel, int Stride, int Padding, bool Ceiling) shape, [Values] bool countPadding)
    {
        (Pool2dGeometry geometry, Tensor x, Tensor y, Tensor dy, Tensor dx) = Make(shape);
        x.Backend.AvgPool2d(x, geometry, countPadding, y);
        x.Backend.AvgPool2dBackward(dy, geometry, countPadding, dx);
        Tensor output = Output(y.Shape.ToArray()), input = Output(x.Shape.ToArray());
        Backend.AvgPool2d(Copy(x), geometry, countPadding, output);
        Backend.AvgPool2dBackward(Copy(dy), geometry, countPadding, input);
        AssertClose(output, y, 1e-6, 1e-6);
        AssertClose(input, dx, 1e-6, 1e-6);
    }

    [TestCase(1, 1, 1)]
    [TestCase(7, 7, 33)]
    [TestCase(4, 4, 512)]
    public void Global(int height, int width, int channels)
    {
        Tensor x = OnCpu(Normal(images * height * width * channels), images, height, width, channels), dy = OnCpu(Normal(images * channels), images, channels);
        Tensor y = dy.EmptyLike(), dx = x.EmptyLike(), output = Output(images, channels), input = Output(images, height, width, channels);
        y.Backend.GlobalAvgPool2d(x, y);
        y.Backend.GlobalAvgPool2dBackward(dy, dx);
        Backend.GlobalAvgPool2d(Copy(x), output);
        Backend.GlobalAvgPool2dBackward(Copy(dy), input);
        AssertClose(output, y, 1e-6, 1e-6);
        AssertClose(input, dx, 0);
    }

    Tensor Copy(Tensor x) => Input(x.ToArray<float>(), x.Shape.ToArray());

    (Pool2dGeometry Geometry, Tensor X, Tensor Y, Tensor Dy, Tensor Dx) Make((int Height, int Width, int Channels, int Kernel, int Stride, int Padding, bool Ceiling) s)
    {
        int outHeight = Pool2dGeometry.Outputs(s.Height, s.Kernel, s.Stride, s.Padding, s.Ceiling), outWidth = Pool2dGeometry.Outputs(s.Width, s.Kernel, s.Stride, s.Padding, s.Ceiling);
        Tensor x = OnCpu(Normal(images * s.Height * s.Width * s.Channels), images, s.Height, s.Width, s.Channels);
        Tensor dy = OnCpu(Normal(images * outHeight * outWidth * s.Channels), images, outHeight, outWidth, s.Channels);
        return (new Pool2dGeometry(s.Kernel, s.Stride, s.Padding), x, dy.EmptyLike(), dy, x.EmptyLike());
    }
}
