namespace PerturbedForgetting.Tensors.Catalogue;

static partial class OperationCatalogue
{
    // The work space of the fourth is a block of the allocator that is not rounded up.
    static readonly (int Rows, int Columns)[] rowEdges = [(1, 1), (3, 31), (5, 33), (64, 64), (300, 192), (50, 384), (7, 1025)];

    static IEnumerable<Operation> Norms() =>
    [
        .. Enumerable.Range(0, 8).Where(static i => i != 1).Select(i =>
            BatchNorm(training: (i & 4) == 0, hasResidual: (i & 2) != 0, relu: (i & 1) != 0)),
        BatchNorm(training: true, hasResidual: false, relu: true) with
        {
            Workloads =
            [
                new("nn", side => [.. Images(side), [64], [64]],
                    new("batch_norm_statistics", 4, 0) { Again = 0.5 }, new("batch_norm_apply", 4, 4) { Again = 1.5 },
                    Back("batch_norm_gradients", 8, 0) with { Again = 0.25 }, Back("batch_norm_input", 8, 4) with { Again = 1.7 }),
            ],
        },
        FarBatchNorm(),
        LayerNorm("LayerNorm", x => Ops.LayerNorm(x[0], x[1], x[2], 1e-3)) with
        {
            Shared = [[4, 197, 193], [193], [193]],
            Workloads =
            [
                new("nn", side => [.. Activations(side), [384], [384]],
                    new("layer_norm", 4, 4) { Again = 1 }, Back("layer_norm_backward", 8, 4) with { Again = 0.5 }),
            ],
        },
        // Numbers around 100 keep 1e-5 of their spread of 1; all devices take the mean's rounding back.
        LayerNorm("LayerNorm far from 0",
            x => Ops.LayerNorm(Ops.AddBroadcast(x[0], Vector(x[0], x[0].Shape[-1], 100)), x[1], x[2], 1e-6)) with
        {
            Small = [],
            Backward = [s => new(1e-5, s[0][-1] == 1 ? 1e-2 : 2e-5), s => Tolerance.Sum(4 * s[0].Count / s[0][-1])],
        },
        LayerNorm("AddLayerNorm", x => Ops.AddLayerNorm(x[0], x[1], x[2], x[3], 1e-3).Normal, images: 2),
        LayerNorm("AddLayerNorm and its sum", SumAndNormal, images: 2) with { Shared = [[4, 57, 193], [4, 57, 193], [193], [193]] },
        LayerNorm("AddLayerNorm thrice", ThreeNorms) with { Small = [[[1, 5], [5], [5]], [[3, 2], [2], [2]], [[4, 19], [19], [19]]] },
        RowMap("Softmax", x => Ops.Softmax(x[0])) with
        {
            Shared = [[613, 197]],
            Workloads = [new("nn", Activations, new KernelLaunch("softmax", 4, 4))],
        },
        RowMap("LogSoftmax", x => Ops.LogSoftmax(x[0])) with { Shared = [[99, 1000]] },
    ];

    static Operation BatchNorm(bool training, bool hasResidual, bool relu)
    {
        string name = $"BatchNorm{(training ? "" : " in evaluation")}{(hasResidual ? " with a residual" : "")}{(relu ? " and relu" : "")}";
        return new Operation(name, Run, Sizes([2, 3, 2, 1]), Sizes([2, 3, 2, 5]), Sizes([2, 3, 2, 9]))
        {
            // The work space of 256 x 64 (moments) and of 448 x 32 (sums and coefficients) is not rounded up by the allocator.
            Edges =
            [
                Sizes([2, 1]), Sizes([33, 31]), Sizes([1025, 5]), Sizes([256, 64]), Sizes([448, 32]), Sizes([129, 33]), Sizes([3, 49, 128]),
            ],
            Shared = hasResidual ? Sizes([50, 1100]) : Sizes([9, 33, 31, 37]),
            Leading = training ? 0 : Operation.EveryElement,
            Channels = true,
            Forward = Within(2e-5, 2e-5),
            Backward =
            [
                Within(1e-4, 1e-4),
                s => new(1e-5, (4 * Tolerance.Sum(s[0].Count / s[0][-1]).Absolute) + 1e-5),
                s => new(1e-5, (4 * Tolerance.Sum(s[0].Count / s[0][-1]).Absolute) + 1e-5),
                Within(0, 0),
            ],
        };

        Shape[] Sizes(Shape x) => hasResidual ? [x, [x[-1]], [x[-1]], x] : [x, [x[-1]], [x[-1]]];

        Tensor Run(Tensor[] x)
        {
            Tensor mean = Vector(x[0], x[0].Shape[-1], -0.5, 0.3), variance = Vector(x[0], x[0].Shape[-1], 0.5, 0.2);
            return Ops.BatchNorm(x[0], x[1], x[2], mean, variance, training, 0.1, 1e-3, hasResidual ? x[3] : null, relu);
        }
    }

    /// <summary>Channels with means of some deviations.</summary>
    static Operation FarBatchNorm()
    {
        Operation plain = BatchNorm(training: true, hasResidual: false, relu: true);
        return plain with
        {
            Name = "BatchNorm far from 0",
            Run = x => plain.Run([Ops.AddBroadcast(x[0], Vector(x[0], x[0].Shape[-1], 0, 1)), x[1], x[2]]),
            Shared = null,
        };
    }

    static Operation LayerNorm(string name, Func<Tensor[], Tensor> run, int images = 1)
    {
        return new Operation(name, run, Sizes([1, 2, 5]), Sizes([3, 2, 2]), Sizes([2, 16]), Sizes([4, 19]))
        {
            Edges = [.. rowEdges.Select(s => Sizes([s.Rows, s.Columns]))],
            Leading = -1,
            Forward = Within(1e-5, 2e-5),
            Backward =
            [
                .. Enumerable.Repeat(Within(1e-5, 2e-5), images),
                s => new(1e-5, (2 * Tolerance.Sum(s[0].Count / s[0][-1]).Absolute) + 1e-6),
            ],
        };

        Shape[] Sizes(Shape x) => [.. Enumerable.Repeat(x, images), [x[-1]], [x[-1]]];
    }

    /// <summary>The sum is used before the norm and behind it.</summary>
    static Tensor SumAndNormal(Tensor[] x)
    {
        (Tensor sum, Tensor normal) = Ops.AddLayerNorm(x[0] * x[1], x[1], x[2], x[3], 1e-3);
        return Ops.Add(Ops.Mul(normal, sum), Ops.Mul(sum, sum));
    }

    static Tensor ThreeNorms(Tensor[] x)
    {
        (Tensor sum, Tensor normal) = Ops.AddLayerNorm(x[0], x[0], x[1], x[2], 1e-3);
        (sum, normal) = Ops.AddLayerNorm(sum, Ops.Mul(normal, normal), x[1], x[2], 1e-3);
        return Ops.AddLayerNorm(sum, normal, x[1], x[2], 1e-3).Normal;
    }

    // exp is 1.5e-7 off on either side; the CPU adds columns / 16 numbers a lane, each sum rounded to 2^-24 of itself. In the backward
    // pass a thread adds columns / 128 products, each sum, of order sqrt(columns), rounded to 2^-24 of itself, and 8 steps join them.
    static Operation RowMap(string name, Func<Tensor[], Tensor> run) =>
        new(name, run, [.. new Shape[] { [3, 1], [3, 2], [2, 2, 7], [3, 8], [3, 9], [3, 33] }.Select(s => new[] { s })])
        {
            Edges = [.. new Shape[] { [5, 1], [5, 31], [5, 197], [5, 1000], [5, 1025], [2, 21841] }.Select(s => new[] { s })],
            Leading = -1,
            Forward = s => new(1e-6 + Math.ScaleB(s[0][-1], -28), 1e-6 + Math.ScaleB(s[0][-1], -28)),
            Backward = [s => new(2e-6, 1e-6 + Math.ScaleB(((s[0][-1] / 128.0) + 8) * Math.Sqrt(s[0][-1]), -24))],
        };
}
