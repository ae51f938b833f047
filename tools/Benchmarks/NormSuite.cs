using System.Globalization;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends;
using PerturbedForgetting.Tensors.Memory;

namespace Benchmarks;

/// <summary>
/// Batch normalisation and pooling, whose limit is the memory: GB/s of the bytes that an operation must move at least, beside those
/// of a sum of two arrays of the same size (two reads, one write) in the same run.
/// </summary>
static class NormSuite
{
    const int Rounds = 41;

    static readonly (string Name, Shape Shape)[] shapes =
    [
        ("resnet50 64 px, stem", [8, 32, 32, 64]), ("resnet50 64 px, stage 1", [8, 16, 16, 256]),
            ("resnet50 64 px, stage 4", [8, 2, 2, 2048]),
        ("resnet18 32 px, stage 1", [32, 32, 32, 64]), ("resnet20 32 px, stage 1", [128, 32, 32, 16]),
        ("resnet50 224 px, stage 1", [8, 56, 56, 256]),
    ];

    static readonly (string Name, int Width)[] columns =
    [
        ("sum", 8), ("stats", 8), ("apply", 8), ("+res", 8), ("backward", 10), ("+relu", 8), ("+relu+res", 10), ("maxpool", 9),
            ("its bwd", 9), ("mean", 8),
    ];

    public static void Run(SuiteOptions options, Figures figures)
    {
        Console.WriteLine($"{"GB/s",-26}{"MB",6}{string.Concat(columns.Select(c => c.Name.PadLeft(c.Width)))}");
        foreach (var (name, shape) in shapes.Where(s => options.Includes(s.Name)))
            Measure(name, shape, figures);
    }

    static void Measure(string name, Shape shape, Figures figures)
    {
        using var scope = Scope.Begin();
        var backend = Device.Cpu.Backend;
        Tensor x = Normal(shape), residual = Normal(shape), dy = Normal(shape), y = x.EmptyLike(), dx = x.EmptyLike(),
            dresidual = x.EmptyLike();
        Shape channels = [shape[3]];
        Tensor weight = Tensor.Ones(channels), bias = Tensor.Zeros(channels), saved = Tensor.Empty([BatchNormRow.Count, shape[3]]);
        Tensor dweight = weight.EmptyLike(), dbias = weight.EmptyLike();
        var geometry = new Pool2dGeometry(3, 2, 1);
        Tensor pooled = Tensor.Empty([shape[0], (shape[1] + 1) / 2, (shape[2] + 1) / 2, shape[3]]),
            index = Tensor.Empty(pooled.Shape, DType.Int32);
        Tensor mean = Tensor.Empty([shape[0], shape[3]]);
        BatchNormGradients plain = new(dx, null, dweight, false, dbias, false), summed = plain with { Residual = dresidual };
        backend.BatchNormStatistics(x, weight, bias, 1e-5, saved, null, null, 0, null);
        backend.BatchNormApply(x, saved, residual, true, y);

        // Reads and writes of one float for each element of x; a pooled element and its index count a quarter each.
        (double Touches, Action Run)[] operations =
        [
            (3, () => backend.Map(Binary.Add, x, dy, dx)),
            (1, () => backend.BatchNormStatistics(x, weight, bias, 1e-5, saved, null, null, 0, null)),
            (2, () => backend.BatchNormApply(x, saved, null, true, dx)),
            (3, () => backend.BatchNormApply(x, saved, residual, true, dx)),
            (5, () => backend.BatchNormBackward(dy, x, false, null, saved, true, plain)),
            (5, () => backend.BatchNormBackward(dy, x, true, null, saved, true, plain)),
            (7, () => backend.BatchNormBackward(dy, x, true, y, saved, true, summed)),
            (1.5, () => backend.MaxPool2d(x, geometry, pooled, index)),
            (1.5, () => backend.MaxPool2dBackward(pooled, index, geometry, dx)),
            (1, () => backend.GlobalAvgPool2d(x, mean)),
        ];
        Timing.Result[] times = Timing.Alternate(Rounds, Array.ConvertAll(operations, o => o.Run));
        Console.Write(string.Create(CultureInfo.InvariantCulture, $"{name,-26}{x.Count * 4e-6,6:F1}"));
        for (int i = 0; i < operations.Length; i++)
        {
            figures.Add($"kernels/norm/{name}/{columns[i].Name}", times[i]);
            Console.Write((4e-9 * x.Count * operations[i].Touches / times[i].Minimum).ToString("F1", CultureInfo.InvariantCulture)
                .PadLeft(columns[i].Width));
        }
        Console.WriteLine();
    }

    static Tensor Normal(Shape shape)
    {
        var random = new Random(1);
        float[] values = new float[shape.Count];
        for (int i = 0; i < values.Length; i++)
            values[i] = (random.NextSingle() * 2) - 1;
        return Tensor.From(values, shape);
    }
}
