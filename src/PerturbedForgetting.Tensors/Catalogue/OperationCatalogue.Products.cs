namespace PerturbedForgetting.Tensors.Catalogue;

static partial class OperationCatalogue
{
    static IEnumerable<Operation> Products() =>
    [
        Layer("Linear", x => Ops.Linear(x[0], x[1], x[2]), hasBias: true),
        Layer("Linear without a bias", x => Ops.Linear(x[0], x[1]), hasBias: false),
        Layer("LinearGelu", x => Ops.LinearGelu(x[0], x[1], x[2]), hasBias: true),
        Layer("LinearGelu without a bias", x => Ops.LinearGelu(x[0], x[1]), hasBias: false),
        MatMul(transposeA: false, transposeB: false, isShared: false) with
        {
            Workloads =
            [
                Multiply("tensor", ProductUnits.Float32, "gemm_nn"), Multiply("tensor", ProductUnits.Tf32, "gemm_tf32_nn"),
                Multiply(KernelWorkload.Library, ProductUnits.Libraries, "cublas sgemm"),
            ],
        },
        .. Enumerable.Range(1, 7).Select(i => MatMul(transposeA: (i & 4) != 0, transposeB: (i & 2) != 0, isShared: (i & 1) != 0)),
        Convolution("Conv2d of pixels", 1, 1, (1, 1), (0, 1), (1, 1), 1),
        Convolution("Conv2d of 3 x 3", 3, 3, (1, 1), (1, 1), (1, 1), 1) with
        {
            Workloads =
            [
                new("tensor", side => [.. Images(side), [64, 3, 3, 64], [64]],
                    new("im2col", 4, 36) { Again = 0.9 },
                    // Of the 3 x 32 places along a side two lie beyond the border.
                    Back("im2col_backward", 36 * 94 * 94 / (96.0 * 96), 4))
                {
                    Words = ThreeByThree,
                },
                new(KernelWorkload.Library, side => [[side * side, 56, 56, 64], [64, 3, 3, 64], [64]],
                    Convolve("forward"), Convolve("backward data") with { IsBackward = true },
                    Convolve("backward filter") with { IsBackward = true })
                {
                    Units = ProductUnits.Libraries,
                    Words = ThreeByThree,
                },
            ],
        },
        Convolution("Conv2d in groups", 3, 2, (2, 1), (1, 1), (1, 1), 2),
        Convolution("Conv2d with holes", 2, 3, (3, 1), (2, 1), (1, 2), 1),
        Convolution("Conv2d of each channel", 3, 1, (1, 1), (2, 1), (1, 2), 4),
        new("Conv2d of 3 x 3 by 2", x => Ops.Conv2d(x[0], x[1], x[2], 2, 1), [[2, 4, 3, 2], [3, 3, 3, 2], [3]])
        {
            Edges = [[[2, 9, 8, 16], [33, 3, 3, 16], [33]]],
            Shared = [[5, 19, 23, 16], [24, 3, 3, 16], [24]],
            Leading = 1,
            Forward = s => Product(9 * s[1][-1]),
            Backward = [s => Product(9 * s[1][0]), s => Product(s[0].Count / s[0][-1])],
        },
        Attention("Attention", heads: 1, [1, 1, 9], [1, 131, 3]),
        Attention("Attention with 2 heads", heads: 2, [2, 3, 12], [2, 1, 48]) with
        {
            Workloads =
            [
                Attend(ProductUnits.Float32, "attention"), Attend(ProductUnits.Tf32, "attention_mma_tf32"),
                Attend(ProductUnits.Bfloat16, "attention_mma_bf16"),
            ],
        },
        Attention("Attention with 3 heads", heads: 3, [3, 5, 18]) with { Shared = [[3, 50, 3 * 3 * 32]] },
        Attention("Attention of one long sequence", heads: 1, [1, 70, 3]) with { Shared = [[1, 330, 3 * 64]] },
    ];

    static KernelWorkload Multiply(string family, ProductUnits units, string kernel) =>
        new(family, side => [[256 * side, 256 * side], [256 * side, 256 * side]],
            new KernelLaunch(kernel, 8, 4) { Operations = s => 2.0 * s[0][1], Again = 0.7 })
        {
            Units = units,
            Words = s => $"{s[0]} x {s[1]}",
        };

    static KernelLaunch Convolve(string pass) => new($"cudnn convolution {pass}", 4, 4) { Operations = s => 2.0 * s[1].Count / s[1][0] };

    /// <summary>ViT-S at 16-pixel patches, two heads of an image; counts are divided by elements of the result.</summary>
    static KernelWorkload Attend(ProductUnits units, string kernel) => new("nn", side => [[side * side, 197, 3 * 2 * 64]],
        // Each product of queries and keys, or of what has their shape and values, is two operations a token: q kᵀ and p v forward; q kᵀ,
        // dy vᵀ and ds k for the queries, q kᵀ, dy vᵀ, dsᵀ q and pᵀ dy for the keys.
        new KernelLaunch($"{kernel}_64", 12, 4) { Operations = s => 4.0 * s[0][1], Again = 2, UsesWholeSectors = false },
        // In float32 a block has 32 rows, on tensor cores 64: it reads keys and values, or queries and gradients, twice as often.
        Back($"{kernel}_backward_64", 20, 12) with
        {
            Operations = s => 14.0 * s[0][1],
            Again = units == ProductUnits.Float32 ? 5.6 : 4,
            UsesWholeSectors = false,
        })
    {
        Units = units,
        Words = s => $"[{s[0][0]}, 197, 3, 2, 64]",
        Elements = s => s[0].Count / 3,
    };

    static string ThreeByThree(Shape[] shapes) => $"{shapes[0]}, 3 x 3";

    /// <summary>Of so many products of numbers of order one, added up in float32.</summary>
    static Tolerance Product(long terms) => new(1e-6, 1e-6 + Math.ScaleB(terms * Math.Sqrt(terms), -23));

    static Operation Layer(string name, Func<Tensor[], Tensor> run, bool hasBias)
    {
        return new Operation(name, run, Sizes([1, 2, 1], 1), Sizes([3, 2, 5], 7), Sizes([9, 2, 17], 2), Sizes([3], 5), Sizes([9, 17], 33))
        {
            Edges = [Sizes([129, 33], 130), Sizes([5, 64], 257)],
            Shared = Sizes([700, 130], 67),
            Leading = -1,
            Forward = s => Product(s[0][-1]),
            // With the error of the derivative of gelu.
            Backward = [s => Product(4L * s[1][0]), s => Product(4 * s[0].Count / s[0][-1])],
        };

        Shape[] Sizes(Shape x, int outputs) => hasBias ? [x, [outputs, x[-1]], [outputs]] : [x, [outputs, x[-1]]];
    }

    static Operation MatMul(bool transposeA, bool transposeB, bool isShared)
    {
        string name = $"MatMul{(transposeA ? " of Aᵀ" : "")}{(transposeB ? " by Bᵀ" : "")}{(isShared ? " of one B" : "")}";
        return new Operation(name, x => Ops.MatMul(x[0], x[1], transposeA, transposeB),
            Sizes(1, 3, 4, 5), Sizes(3, 3, 4, 5), Sizes(1, 1, 1, 1))
        {
            Edges = [Sizes(1, 31, 33, 17), Sizes(2, 49, 64, 49)],
            Shared = Sizes(4, 65, 70, 33),
            Leading = -2,
            Forward = s => Product(s[0][transposeA ? -2 : -1]),
            Backward = [s => Product(s[1][transposeB ? -2 : -1]), s => Product(isShared ? s[0].Count : s[0][transposeA ? -1 : -2])],
        };

        Shape[] Sizes(int batch, int m, int n, int k) =>
        [
            transposeA ? [batch, 2, k, m] : [batch, 2, m, k],
            isShared ? transposeB ? [n, k] : [k, n] : transposeB ? [batch, 2, n, k] : [batch, 2, k, n],
        ];
    }

    static Operation Convolution(string name, int height, int width, Size2d stride, Size2d padding, Size2d dilation, int groups) =>
        new(name, x => Ops.Conv2d(x[0], x[1], x[2], stride, padding, dilation, groups), [[2, 5, 6, 4], [4, height, width, 4 / groups], [4]])
        {
            Edges = [[[2, 9, 8, 16], [32, height, width, 16 / groups], [32]]],
            Leading = 1,
            Forward = s => Product(height * width * s[1][-1]),
            Backward = [s => Product(height * width * s[1][0]), s => Product(s[0].Count / s[0][-1])],
        };

    static Operation Attention(string name, int heads, params Shape[] shapes) =>
        new(name, x => Ops.Attention(x[0], heads, 0.7), [.. shapes.Select(s => new[] { s })])
        {
            Edges = [[[2, 33, 3 * 12 * heads]], [[1, 50, 3 * 64 * heads]]],
            Leading = 1,
            Forward = s => Product(s[0][1]),
            Backward = [s => Product(3 * s[0][1])],
        };
}
