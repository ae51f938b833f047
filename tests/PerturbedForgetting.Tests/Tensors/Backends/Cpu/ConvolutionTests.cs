using System.Numerics;
using PerturbedForgetting.Tensors.Backends.Cpu.Compute;

namespace PerturbedForgetting.Tests.Tensors.Backends.Cpu;

[TestFixture, NonParallelizable]
sealed unsafe class ConvolutionTests
{
    static readonly Conv2dShape[] shapes =
    [
        //   N  H   W   C   O  KH KW SH SW PH PW DH DW G
        new(1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1),
        new(2, 5, 7, 3, 4, 3, 3, 1, 1, 1, 1, 1, 1, 1),
        new(3, 9, 8, 16, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1),
        new(2, 13, 11, 17, 33, 3, 3, 2, 2, 1, 1, 1, 1, 1),
        new(2, 14, 14, 32, 31, 1, 1, 1, 1, 0, 0, 1, 1, 1),
        new(2, 14, 13, 20, 40, 1, 1, 2, 2, 0, 0, 1, 1, 1),
        new(2, 23, 21, 3, 64, 7, 7, 2, 2, 3, 3, 1, 1, 1),
        new(2, 12, 10, 6, 9, 3, 2, 3, 1, 0, 2, 1, 1, 3),
        new(1, 15, 17, 8, 8, 3, 3, 1, 1, 2, 2, 2, 2, 1),
        new(2, 16, 15, 4, 6, 3, 5, 2, 3, 4, 3, 2, 3, 2),
        new(2, 10, 10, 6, 5, 3, 3, 2, 2, 2, 2, 2, 2, 1),
        new(2, 9, 9, 5, 5, 3, 3, 1, 1, 1, 1, 1, 1, 5),
        new(1, 4, 4, 2, 3, 2, 2, 3, 3, 0, 0, 1, 1, 1),
        new(2, 3, 3, 2, 3, 1, 1, 1, 1, 1, 2, 1, 1, 1),
        new(1, 3, 40, 5, 7, 3, 3, 1, 1, 4, 4, 1, 1, 1),
        new(4, 33, 31, 16, 17, 3, 3, 1, 1, 1, 1, 1, 1, 1),
        new(1, 32, 32, 3, 24, 16, 16, 16, 16, 0, 0, 1, 1, 1),
        new(2, 20, 18, 64, 40, 3, 3, 1, 1, 1, 1, 1, 1, 1),
        new(2, 7, 21, 32, 33, 5, 4, 1, 1, 3, 0, 1, 1, 1),
        new(2, 6, 5, 3, 3, 2, 3, 1, 1, 4, 5, 1, 1, 1),
        new(1, 70, 9, 16, 32, 3, 2, 1, 1, 0, 1, 1, 1, 1),
        new(1, 2, 2, 130, 70, 3, 3, 1, 1, 1, 1, 1, 1, 1),
        new(3, 8, 8, 64, 300, 3, 3, 2, 2, 1, 1, 1, 1, 1),
    ];

    /// <summary>Tiles that are cut off, less tiles than lines of a product, no padding and more than one, several runs of depth, several
    /// chunks and parts of tiles, panels that are not full.</summary>
    static readonly Conv2dShape[] tiled =
    [
        //   N  H   W   C   O  KH KW SH SW PH PW DH DW G
        new(1, 1, 1, 16, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1),
        new(3, 9, 8, 16, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1),
        new(2, 7, 10, 48, 80, 3, 3, 1, 1, 0, 2, 1, 1, 1),
        new(1, 5, 6, 208, 32, 3, 3, 1, 1, 2, 0, 1, 1, 1),
        new(1, 4, 4, 32, 400, 3, 3, 1, 1, 1, 1, 1, 1, 1),
        new(14, 16, 17, 16, 48, 3, 3, 1, 1, 1, 1, 1, 1, 1),
        new(2, 31, 33, 64, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1),
    ];

    static readonly int[] threads = [1, 2, 64];

    /// <summary>Winograd's algorithm, in both types and at all levels. The transforms make the error of a sum some times as large: the
    /// bound is that of sixteen times as many terms.</summary>
    [Test]
    public void TilesMatchTheReference([ValueSource(nameof(tiled))] Conv2dShape shape, [Values(2, 4)] int side)
    {
        int factor = side == 2 ? 4 : 16;
        Forward<float>(shape, withBias: true, In<float>(side).Forward, factor);
        Forward<double>(shape, withBias: false, In<double>(side).Forward, factor);
        InputGradient<float>(shape, In<float>(side).BackwardInput, factor);
        InputGradient<double>(shape, In<double>(side).BackwardInput, factor);
        WeightGradient<float>(shape, accumulate: true, In<float>(side).BackwardWeight, factor);
        WeightGradient<double>(shape, accumulate: false, In<double>(side).BackwardWeight, factor);
    }

    /// <summary>Winograd's algorithm in tiles of one side.</summary>
    sealed class Tiles<T>(int side)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        public void Forward(in Conv2dShape s, T* x, T* w, T* bias, T* y, bool accumulate) =>
            Winograd.Forward(side, s, x, w, bias, y, accumulate);

        public void BackwardInput(in Conv2dShape s, T* dy, T* w, T* dx, bool accumulate) =>
            Winograd.BackwardInput(side, s, dy, w, dx, accumulate);

        public void BackwardWeight(in Conv2dShape s, T* x, T* dy, T* dw, bool accumulate) =>
            Winograd.BackwardWeight(side, s, x, dy, dw, accumulate);
    }

    static Tiles<T> In<T>(int side)
        where T : unmanaged, IFloatingPointIeee754<T> => new(side);

    /// <summary>The errors that docs/performance.md states: of float32 against float64, root mean square as a part of the results', for
    /// inputs behind a ReLU. 2.7 to 3.0 times the direct algorithm's were measured.</summary>
    [Test]
    public void TransformsCostLittleAccuracy([Values(16, 64, 256)] int channels)
    {
        using var test = new ComputeCase();
        Conv2dShape s = new(2, 16, 16, channels, channels, 3, 3, 1, 1, 1, 1, 1, 1, 1);
        double* x = test.Normal<double>(Inputs(s)), w = test.Normal<double>(Weights(s)), y = test.Normal<double>(Outputs(s));
        for (int i = 0; i < Inputs(s); i++)
            x[i] = (float)Math.Max(x[i], 0);
        for (int i = 0; i < Weights(s); i++)
            w[i] = (float)w[i];
        Convolution.Forward(s, x, w, null, y);
        float* xs = Singles(test, x, Inputs(s)), ws = Singles(test, w, Weights(s)), ys = test.Normal<float>(Outputs(s));
        foreach (SimdKind level in ComputeCase.Levels)
        {
            SimdLevel.Current = level;
            Winograd.Forward(4, s, xs, ws, null, ys, false);
            double four = RelativeError(ys, y, Outputs(s));
            Winograd.Forward(2, s, xs, ws, null, ys, false);
            double two = RelativeError(ys, y, Outputs(s));
            int depth = 9 * channels;
            GemmEngine.Run<float, WindowLines<float>, DepthContiguous<float>, MatrixSink<float, NoEpilogue<float>>>(s.OutputPixels,
                s.O, depth, new(WindowGrid<float>.Of(s, xs, 0)), new(ws, depth), new(ys, s.O, false, default));
            double direct = RelativeError(ys, y, Outputs(s));
            TestContext.Out.WriteLine($"{level}, {channels} channels: {four:E2} in tiles of 4, {two:E2} of 2, {direct:E2} direct");
            Assert.That(four, Is.LessThan(3.5 * direct));
            Assert.That(two, Is.LessThan(1.1 * direct));
        }
    }

    static float* Singles(ComputeCase test, double* values, int count)
    {
        float* result = test.Normal<float>(count);
        for (int i = 0; i < count; i++)
            result[i] = (float)values[i];
        return result;
    }

    static double RelativeError(float* values, double* exact, int count)
    {
        double error = 0, square = 0;
        for (int i = 0; i < count; i++)
        {
            error += Math.Pow(values[i] - exact[i], 2);
            square += exact[i] * exact[i];
        }
        return Math.Sqrt(error / square);
    }

    delegate void ForwardFunction<T>(in Conv2dShape s, T* x, T* w, T* bias, T* y, bool accumulate)
        where T : unmanaged;

    delegate void GradientFunction<T>(in Conv2dShape s, T* a, T* b, T* gradient, bool accumulate)
        where T : unmanaged;

    delegate void Function<T>(T* result)
        where T : unmanaged;

    [Test]
    public void ForwardMatchesReference([ValueSource(nameof(shapes))] Conv2dShape shape, [Values] bool withBias)
    {
        Forward<float>(shape, withBias, Convolution.Forward);
        Forward<double>(shape, withBias, Convolution.Forward);
    }

    [Test]
    public void InputGradientMatchesReference([ValueSource(nameof(shapes))] Conv2dShape shape)
    {
        InputGradient<float>(shape, Convolution.BackwardInput);
        InputGradient<double>(shape, Convolution.BackwardInput);
    }

    [Test]
    public void WeightGradientMatchesReference([ValueSource(nameof(shapes))] Conv2dShape shape, [Values] bool accumulate)
    {
        WeightGradient<float>(shape, accumulate, Convolution.BackwardWeight);
        WeightGradient<double>(shape, accumulate, Convolution.BackwardWeight);
    }

    static void Forward<T>(Conv2dShape s, bool withBias, ForwardFunction<T> function, int growth = 1)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        using var test = new ComputeCase();
        T* x = test.Normal<T>(Inputs(s)), w = test.Normal<T>(Weights(s)), bias = withBias ? test.Normal<T>(s.O) : null;
        double[] expected = new double[Outputs(s)], magnitude = new double[Outputs(s)];
        for (int i = 0; i < expected.Length && withBias; i++)
            magnitude[i] = Math.Abs(expected[i] = double.CreateChecked(bias[i % s.O]));
        ForEachProduct(s, (input, weight, output) => Accumulate(expected, magnitude, output, x[input], w[weight]));
        CheckAll(test, test.Normal<T>(expected.Length), expected.Length, expected, magnitude, growth * (s.KH * s.KW * s.GroupC + 1),
            y => function(s, x, w, bias, y, false));
    }

    static void InputGradient<T>(Conv2dShape s, GradientFunction<T> function, int growth = 1)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        using var test = new ComputeCase();
        T* dy = test.Normal<T>(Outputs(s)), w = test.Normal<T>(Weights(s));
        double[] expected = new double[Inputs(s)], magnitude = new double[Inputs(s)];
        ForEachProduct(s, (input, weight, output) => Accumulate(expected, magnitude, input, dy[output], w[weight]));
        CheckAll(test, test.Normal<T>(expected.Length), expected.Length, expected, magnitude, growth * s.KH * s.KW * s.GroupO,
            dx => function(s, dy, w, dx, false));
    }

    static void WeightGradient<T>(Conv2dShape s, bool accumulate, GradientFunction<T> function, int growth = 1)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        using var test = new ComputeCase();
        T* x = test.Normal<T>(Inputs(s)), dy = test.Normal<T>(Outputs(s)), start = test.Normal<T>(Weights(s));
        double[] expected = new double[Weights(s)], magnitude = new double[Weights(s)];
        for (int i = 0; i < expected.Length && accumulate; i++)
            magnitude[i] = Math.Abs(expected[i] = double.CreateChecked(start[i]));
        ForEachProduct(s, (input, weight, output) => Accumulate(expected, magnitude, weight, x[input], dy[output]));
        CheckAll(test, start, expected.Length, expected, magnitude, growth * (s.OutputPixels + 1),
            dw => function(s, x, dy, dw, accumulate));
    }

    static void Accumulate<T>(double[] sums, double[] magnitude, int index, T left, T right)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        double product = double.CreateChecked(left) * double.CreateChecked(right);
        sums[index] += product;
        magnitude[index] += Math.Abs(product);
    }

    /// <summary>Every product of a convolution by its definition: indices of input, weight and output.</summary>
    static void ForEachProduct(Conv2dShape s, Action<int, int, int> visit)
    {
        for (int output = 0; output < Outputs(s); output++)
        {
            int o = output % s.O, pixel = output / s.O, ow = pixel % s.OW, oh = pixel / s.OW % s.OH, n = pixel / s.OW / s.OH;
            int channel0 = o / s.GroupO * s.GroupC;
            for (int tap = 0; tap < s.KH * s.KW; tap++)
            {
                int h = (oh * s.StrideH) - s.PadH + (tap / s.KW * s.DilH), w = (ow * s.StrideW) - s.PadW + (tap % s.KW * s.DilW);
                if (h < 0 || h >= s.H || w < 0 || w >= s.W)
                    continue;
                for (int c = 0; c < s.GroupC; c++)
                    visit(((((n * s.H) + h) * s.W) + w) * s.C + channel0 + c, (((o * s.KH * s.KW) + tap) * s.GroupC) + c, output);
            }
        }
    }

    static void CheckAll<T>(ComputeCase test, T* start, int count, double[] expected, double[] magnitude, int terms, Function<T> run)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        foreach (SimdKind level in ComputeCase.Levels)
        {
            SimdLevel.Current = level;
            T* first = null;
            foreach (int threads in ConvolutionTests.threads)
            {
                WorkerPool.Threads = threads;
                T* result = test.Copy(start, count);
                run(result);
                string what = $"{typeof(T).Name} {level} {threads} threads";
                ComputeCase.AssertClose(result, expected, magnitude, terms, what);
                if (first == null)
                    first = result;
                else
                    ComputeCase.AssertSameBits(result, first, count, what);
            }
        }
    }

    static int Inputs(in Conv2dShape s) => s.N * s.H * s.W * s.C;

    static int Outputs(in Conv2dShape s) => s.OutputPixels * s.O;

    static int Weights(in Conv2dShape s) => s.O * s.KH * s.KW * s.GroupC;
}
