using System.Globalization;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends;
using PerturbedForgetting.Tensors.Random;

namespace Benchmarks;

/// <summary>
/// Kernels that are bound by memory, beside a copy of as many bytes in the same run (half read, half written): from memory, where
/// the copy sets the limit, and at the sizes of ViT-S/32 with 8 images, which fit the last-level cache.
/// </summary>
sealed unsafe class ElementwiseSuite(SuiteOptions options, Figures figures)
{
    const int Rounds = 31;

    static readonly Backend cpu = Device.Cpu.Backend;

    public static void Run(SuiteOptions options, Figures figures)
    {
        Console.WriteLine($"{"kernel",-26}{"shape",-20}{"us",10}{"ns/element",12}{"GB/s",8}{"copy GB/s",11}{"ratio",8}");
        new ElementwiseSuite(options, figures).Run();
    }

    void Run()
    {
        Maps([64, 256, 1024]);
        Maps([8, 50, 1536]);
        Rows([8, 50, 384], [8, 6, 50, 50]);
        Rows([32, 197, 384], [8, 6, 197, 197]);
        foreach (int width in (ReadOnlySpan<int>)[8, 10, 16, 33, 64, 100])
            ShortRows(16384, width);
        Transposes([1024, 1024]);
        Transposes([50176, 3]);
        Pools([8, 32, 32, 64], new(3, 2, 1));
        Pools([8, 112, 112, 64], new(3, 2, 1));
        Losses(128, 1000);
        Losses(1024, 100);
        Losses(4096, 10);
        Images(32, 224);
        Attention(8, 50);
        Attention(8, 197);
    }

    void Maps(Shape shape)
    {
        using Tensor x = Random(shape, 1), y = Random(shape, 2), z = Random(shape, 3), bias = Random([shape[-1]], 4);
        var generator = new RandomCall(1, Streams.Dropout);
        Report("add", x, 12, () => cpu.Map(Binary.Add, x, y, z));
        Report("add in place", x, 12, () => cpu.Map(Binary.Add, z, y, z));
        Report("scale", x, 8, () => cpu.Map(Unary.Scale, x, z, 0.5));
        Report("relu", x, 8, () => cpu.Map(Unary.Relu, x, z));
        Report("relu backward", x, 12, () => cpu.Map(Unary.Relu.Backward, x, y, z));
        Report("gelu", x, 8, () => cpu.Map(Unary.Gelu, x, z));
        Report("gelu backward", x, 12, () => cpu.Map(Unary.Gelu.Backward, x, y, z));
        Report("sigmoid", x, 8, () => cpu.Map(Unary.Sigmoid, x, z));
        Report("add bias", x, 8, () => cpu.AddBroadcast(x, bias, z));
        Report("bias gradient", x, 4, () => cpu.SumLeading(x, bias, false));
        Report("dropout", x, 8, () => cpu.Dropout(x, 0.1, generator, z));
        Report("sum", x, 4, () => cpu.Sum(x, bias));
    }

    void Rows(Shape shape, Shape scores)
    {
        int rows = (int)(shape.Count / shape[-1]);
        using Tensor x = Random(shape, 1), dy = Random(shape, 2), y = Random(shape, 3), weight = Random([shape[-1]], 4),
            bias = Random([shape[-1]], 5);
        using Tensor statistics = Random([rows, 3], 6), dweight = Random([shape[-1]], 7), dbias = Random([shape[-1]], 8);
        Report("layer norm", x, 8, () => cpu.LayerNorm(x, weight, bias, 1e-6, y, statistics));
        Report("layer norm backward", x, 12, () =>
            cpu.LayerNormBackward(dy, x, weight, statistics, new(y, false, dweight, false, dbias, false)));
        using Tensor mean = Random([shape[0], shape[-1]], 9);
        Report("token mean", x, 4, () => cpu.Mean(x, 1, mean));
        using Tensor s = Random(scores, 10), p = Random(scores, 11), ds = Random(scores, 12);
        Report("softmax", s, 8, () => cpu.Softmax(s, p));
        Report("softmax backward", s, 12, () => cpu.SoftmaxBackward(ds, p, ds));
        Report("permute 0,2,1,3", s, 8, () => cpu.Permute(s, [0, 2, 1, 3], p));
        Report("permute 0,1,3,2", s, 8, () => cpu.Permute(s, [0, 1, 3, 2], p));
    }

    void ShortRows(int rows, int width)
    {
        using Tensor x = Random([rows, width], 1), dy = Random(x.Shape, 2), y = Random(x.Shape, 3), dx = Random(x.Shape, 4);
        Report("softmax", x, 8, () => cpu.Softmax(x, y));
        Report("softmax backward", x, 12, () => cpu.SoftmaxBackward(dy, y, dx));
        Report("log softmax", x, 8, () => cpu.LogSoftmax(x, y));
        Report("log softmax backward", x, 12, () => cpu.LogSoftmaxBackward(dy, y, dx));
    }

    void Transposes(Shape shape)
    {
        using Tensor x = Random(shape, 1), y = Random(shape, 2);
        Report("permute 1,0", x, 8, () => cpu.Permute(x, [1, 0], y));
    }

    // Of an element of the input: a pooled one and its index are a share of one.
    void Pools(Shape shape, Pool2dGeometry geometry)
    {
        Shape pooled = [shape[0], (shape[1] + 1) / 2, (shape[2] + 1) / 2, shape[3]];
        using Tensor x = Random(shape, 1), y = Random(pooled, 2), index = Tensor.Zeros(pooled, DType.Int32);
        Report("max pool", x, 6, () => cpu.MaxPool2d(x, geometry, y, index));
        Report("max pool backward", x, 6, () => cpu.MaxPool2dBackward(y, index, geometry, x));
    }

    void Losses(int samples, int classes)
    {
        using Tensor x = Random([samples, classes], 1), gradient = Random([samples, classes], 2), loss = Tensor.Zeros([]);
        using Tensor labels = Tensor.From(Enumerable.Range(0, samples).Select(i => i * 7 % classes).ToArray(), [samples]),
            rank = Tensor.Zeros([samples], DType.Int32);
        Report("cross entropy", x, 8, () => cpu.CrossEntropy(x, labels, 0.1, loss, gradient));
        Report("binary cross entropy", x, 8, () => cpu.BinaryCrossEntropy(x, labels, 0.1, 1, loss, gradient));
        Report("output-bias forgetting", x, 8, () => cpu.OutputBiasForget(x, labels, 1000, 1, true, loss, gradient));
        Report("label rank", x, 4, () => cpu.LabelRank(x, labels, rank));
    }

    void Images(int batch, int size)
    {
        using Tensor bytes = Tensor.Zeros([batch, size, size, 3], DType.UInt8).Fill(7), y = Tensor.Zeros([batch, size, size, 3]);
        using Tensor offset = Tensor.From([124f, 116, 104], [3]), divisor = Tensor.From([58f, 57, 57], [3]);
        Report("normalize images", bytes, 5, () => cpu.NormalizeImages(bytes, flip: null, offset, divisor, y));
    }

    void Attention(int batch, int tokens)
    {
        const int Heads = 6, Channels = 384;
        if (!options.Includes("attention"))
            return;
        using Tensor qkv = Random([batch, tokens, 3 * Channels], 1), y = Random([batch, tokens, Channels], 2), dqkv = Random(qkv.Shape, 3);
        using Tensor statistics = Random([batch, Heads, tokens, 2], 4);
        double product = 2e-9 * batch * tokens * (double)tokens * Channels;
        Timing.Result[] times = Timing.Alternate(Rounds,
            () => cpu.Attention(qkv, Heads, 0.125, y, statistics),
            () => cpu.AttentionBackward(y, y, qkv, statistics, Heads, 0.125, dqkv));
        figures.Add($"kernels/elementwise/attention {qkv.Shape}", times[0]);
        figures.Add($"kernels/elementwise/attention backward {qkv.Shape}", times[1]);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{"attention",-26}{qkv.Shape,-20}{1e6 * times[0].Minimum,10:F1}   {2 * product / times[0].Minimum:F1} GFLOP/s, backward "
            + $"{1e6 * times[1].Minimum:F1} us, {5 * product / times[1].Minimum:F1} GFLOP/s"));
    }

    static Tensor Random(Shape shape, ulong seed)
    {
        var generator = new Philox(seed, 0);
        float[] values = new float[shape.Count];
        generator.Normals(0, values);
        return Tensor.From(values, shape);
    }

    void Report(string name, Tensor x, int bytesPerElement, Action kernel)
    {
        if (!options.Includes(name))
            return;
        long half = x.Count * bytesPerElement / 2;
        using NativeArray from = new((half / sizeof(float)) + 1), to = new((half / sizeof(float)) + 1);
        Timing.Result[] times = Timing.Alternate(Rounds, kernel, () => Roof.Copy(from.Pointer, to.Pointer, half));
        figures.Add($"kernels/elementwise/{name} {x.Shape}", times[0]);
        double speed = 2e-9 * half / times[0].Minimum, limit = 2e-9 * half / times[1].Minimum;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{name,-26}{x.Shape,-20}{1e6 * times[0].Minimum,10:F1}{1e9 * times[0].Minimum / x.Count,12:F3}"
                + $"{speed,8:F1}{limit,11:F1}{speed / limit,8:F2}"));
    }
}
