namespace PerturbedForgetting.Tensors.Catalogue;

static partial class OperationCatalogue
{
    static IEnumerable<Operation> WithoutGradient() =>
    [
        new("BatchNorm's running statistics", RunningStatistics, Batch(2, 1), Batch(12, 5))
        {
            Edges = [Batch(33, 31), Batch(1025, 5), Batch(256, 64)],
            Shared = Batch(3000, 37),
            Gradient = GradientKind.None,
            Forward = Within(2e-5, 1e-6),
        },
        new("LabelRank", x => Ops.LabelRank(x[0], Labels(x[0])), [[3, 2]], [[2, 33]])
        {
            Edges = [[[128, 10]], [[3, 257]], [[2, 1025]]],
            Shared = [[128, 1000]],
            Leading = 1,
            Gradient = GradientKind.None,
            HidesNaN = true,
            Workloads = [Usual("label_rank", stored: 4.0 / 1000)],
        },
        new("LabelRank of several labels", x => Ops.LabelRank(x[0], Bytes(x[0], limit: 2)), [[3, 2]], [[2, 33]])
        {
            Edges = [[[128, 10]], [[3, 257]], [[2, 1025]]],
            Shared = [[128, 1000]],
            Leading = 1,
            Gradient = GradientKind.None,
            HidesNaN = true,
        },
        new("CountRanks", Counts, [[3, 2]], [[33, 9]])
        {
            Edges = [[[257, 10]], [[1025, 8]]],
            Gradient = GradientKind.None,
            HidesNaN = true,
        },
        new("NormalizeImages", x => Normalize(x[0], isMirrored: false), [[1, 1, 1, 3]], [[2, 3, 5, 1]])
        {
            Edges = [[[3, 31, 33, 3]], [[2, 5, 3, 4]], [[1, 2, 1025, 3]], [[3, 3, 11, 33]]],
            Shared = [[9, 40, 40, 3]],
            Gradient = GradientKind.None,
            HidesNaN = true,
            Workloads =
            [
                new("data", side => [[4 * side * side, 224, 224, 3]], new KernelLaunch("normalize_images", 1, 4) { Again = 0.01 })
                {
                    Type = DType.UInt8,
                },
            ],
        },
        new("NormalizeImages, mirrored", x => Normalize(x[0], isMirrored: true), [[1, 1, 1, 3]], [[2, 3, 5, 1]])
        {
            Edges = [[[3, 31, 33, 3]], [[2, 5, 3, 4]], [[1, 2, 1025, 3]], [[3, 3, 11, 33]]],
            Shared = [[9, 40, 40, 3]],
            Gradient = GradientKind.None,
            HidesNaN = true,
        },
    ];

    static Shape[] Batch(int rows, int channels) => [[rows, channels], [channels], [channels]];

    /// <summary>The running mean and variance behind two batches.</summary>
    static Tensor RunningStatistics(Tensor[] x)
    {
        Tensor mean = Vector(x[0], x[0].Shape[-1], -0.5, 0.3), variance = Vector(x[0], x[0].Shape[-1], 0.5, 0.2);
        Ops.BatchNorm(x[0], x[1], x[2], mean, variance, training: true);
        Ops.BatchNorm(x[0], x[1], x[2], mean, variance, training: true);
        return Ops.Concat(0, mean, variance);
    }

    static Tensor Counts(Tensor[] x)
    {
        Tensor counts = Tensor.Zeros([3], DType.Int32, x[0].Device), ranks = Ops.LabelRank(x[0], Labels(x[0]));
        Ops.CountRanks(ranks, 5, counts);
        Ops.CountRanks(ranks, 2, counts);
        return counts;
    }

    static Tensor Normalize(Tensor like, bool isMirrored)
    {
        double[] mean = [.. Enumerable.Range(0, like.Shape[-1]).Select(c => 0.3 + (0.01 * c))];
        Tensor? flip = isMirrored ? Bytes(Vector(like, like.Shape[0], 0), limit: 2) : null;
        return Ops.NormalizeImages(Bytes(like, limit: 256), mean, mean, flip);
    }

    /// <summary>Bytes of a shape that look random; or those that are given.</summary>
    static Tensor Bytes(Tensor like, int limit) => like.DType == DType.UInt8 ? like : Tensor.From(
        [.. Enumerable.Range(0, (int)like.Count).Select(i => (byte)(unchecked((uint)i * 2654435761u >> 7) % limit))],
        like.Shape, like.Device);
}
