using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Dnn;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends;
using PerturbedForgetting.Tensors.Backends.Cuda;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tests.Cuda.Kernels.Edges;

sealed partial class LargeTensorTests
{
    /// <summary>One row, or one sample, a block: the first and the last.</summary>
    static (string, Action<LargeTensorTests>)[] Rows =>
    [
        ("label_rank", static t => t.CheckEnds([Floats(8), new(I32)], [new(I32)], (x, y, _) => t.Backend.LabelRank(x[0], x[1], y[0]), 1)),
        ("label_rank_applying", static t => t.CheckEnds([Floats(8), new(U8, 8)], [new(I32)],
            (x, y, _) => t.Backend.LabelRank(x[0], x[1], y[0]), 1)),
        .. FewAndMany("cross_entropy", [new(I32)],
            static (t, x, _, loss, gradient) => t.Backend.CrossEntropy(x[0], x[1], 0.1, loss, gradient)),
        .. FewAndMany("binary_cross_entropy", [Floats(-1)],
            static (t, x, samples, loss, gradient) => t.Backend.BinaryCrossEntropy(x[0], x[1], 0.1, 1.0 / samples, loss, gradient)),
        .. FewAndMany("output_bias_forget", [new(I32)],
            static (t, x, _, loss, gradient) => t.Backend.OutputBiasForget(x[0], x[1], 1, 0.5, false, loss, gradient)),
        .. FourForms("softmax", static (t, columns) =>
            t.CheckEnds([Floats(columns)], [Floats(columns)], (x, y, _) => t.Backend.Softmax(x[0], y[0]), 1)),
        .. FourForms("softmax_log", static (t, columns) =>
            t.CheckEnds([Floats(columns)], [Floats(columns)], (x, y, _) => t.Backend.LogSoftmax(x[0], y[0]), 1)),
        .. FourForms("softmax_backward", static (t, columns) => t.CheckEnds([Floats(columns), Floats(columns)], [Floats(columns)],
            (x, y, _) => t.Backend.SoftmaxBackward(x[0], x[1], y[0]), 1)),
        .. FourForms("softmax_log_backward", static (t, columns) => t.CheckEnds([Floats(columns), Floats(columns)], [Floats(columns)],
            (x, y, _) => t.Backend.LogSoftmaxBackward(x[0], x[1], y[0]), 1)),
        .. FourForms("layer_norm", static (t, columns) =>
        {
            float[] w = t.Normal(columns), b = t.Normal(columns);
            t.CheckEnds([Floats(columns), Floats(columns)], [Floats(columns), Floats(columns), Floats(3)],
                (x, y, _) => t.Backend.AddLayerNorm(x[0], x[1], t.Input(w), t.Input(b), 1e-5, y[0], y[1], y[2]), 1);
        }),
        ("softmax_tangent_backward", static t => t.CheckEnds([.. Enumerable.Repeat(Floats(64), 4)], [Floats(64)],
            (x, y, _) => t.Backend.SoftmaxBackwardTangent(x[0], x[1], x[2], x[3], y[0]), 4)),
        ("layer_norm_tangent", static t =>
        {
            float[] w = t.Normal(64), v = t.Normal(64), b = t.Normal(64);
            t.CheckEnds([Floats(64), Floats(64), Floats(3)], [Floats(64)], (x, y, _) =>
                t.Backend.LayerNormTangent(x[0], x[1], t.Input(w), t.Input(v), t.Input(b), x[2], y[0]), 4);
        }),
        ("layer_norm_tangent_backward", static t =>
        {
            float[] w = t.Normal(64), v = t.Normal(64);
            t.CheckEnds([Floats(64), Floats(64), Floats(64), Floats(64), Floats(3)], [Floats(64)], (x, y, _) =>
                t.Backend.LayerNormBackwardTangent(x[0], x[1], x[2], x[3], t.Input(w), t.Input(v), x[4],
                    new(y[0], false, null, false, null, false)), 4);
        }),
        // A row a block here, and no sums over rows, whose parts are at most 1,024.
        LayerNormBackward("", 2048), LayerNormBackward("_odd", 2047), LayerNormBackward("_few", 256), LayerNormBackward("_few_odd", 255),
    ];

    static (string, Action<LargeTensorTests>) LayerNormBackward(string form, int columns) => ("layer_norm_backward" + form, t =>
    {
        float[] w = t.Normal(columns);
        DevicePointer none = DevicePointer.Null;
        t.CheckEnds([Floats(columns), Floats(columns), Floats(3)], [Floats(columns)], (x, y, rows) =>
            t.Library.Get("layer_norm_backward" + form).Launch(t.Stream, rows, 128, columns <= 256 ? 0 : 16 * columns,
                CudaBackend.Pointer(y[0]), none, none, none, CudaBackend.Pointer(x[0]), CudaBackend.Pointer(x[1]),
                CudaBackend.Pointer(t.Input(w)), CudaBackend.Pointer(x[2]), 0, 0, 0, (long)rows, columns, 1), 1);
    }
    );

    /// <summary>A kernel of rows, its form of few columns, and those of columns not divisible by 4.</summary>
    static (string, Action<LargeTensorTests>)[] FourForms(string kernel, Action<LargeTensorTests, int> check) =>
        [.. WideAndOdd(kernel, 2048, 2047, check), .. WideAndOdd(kernel + "_few", 256, 255, check)];

    /// <summary>A loss in its two sizes, with what the samples have beside logits. Its gradient is divided by the number of samples, which
    /// are a power of two here, so that it can be compared in every bit; the loss itself needs all of them.</summary>
    static (string, Action<LargeTensorTests>)[] FewAndMany(string kernel, Entries[] targets,
        Action<LargeTensorTests, Tensor[], int, Tensor, Tensor> loss) =>
        [Loss(kernel, 1024, targets, loss), Loss(kernel + "_few", 256, targets, loss)];

    static (string, Action<LargeTensorTests>) Loss(string kernel, int classes, Entries[] targets,
        Action<LargeTensorTests, Tensor[], int, Tensor, Tensor> loss) => (kernel + " elementwise_scale", t =>
    {
        Entries[] inputs = [Floats(classes), .. targets.Select(e => e.Shape.Length == 0 ? e : Floats(classes))];
        t.CheckEnds(inputs, [Floats(classes)], (x, y, samples) =>
        {
            loss(t, x, samples, t.Output(1), y[0]);
            foreach (Tensor end in (Tensor[])[y[0].Rows(0, 1), y[0].Rows(samples - 1, 1)])
                t.Backend.Map(Unary.Scale, end, end, samples);
        }, 1, (int)(2 * Least / classes));
    }
    );

    static (string, Action<LargeTensorTests>)[] Images =>
    [
        .. WideAndOdd("max_pool", 4, 3, static (t, channels) => t.CheckEnds([Floats(4, 4, channels)],
            [Floats(2, 2, channels), new(I32, 2, 2, channels)], (x, y, _) => t.Backend.MaxPool2d(x[0], HalfSize, y[0], y[1]))),
        ("max_pool_pick", static t => t.CheckEnds([Floats(4, 4, 2), new(I32, 2, 2, 2)], [Floats(2, 2, 2)],
            (x, y, _) => t.Backend.MaxPool2dPick(x[0], x[1], y[0]))),
        .. WideAndOdd("max_pool_backward", 4, 3, static (t, channels) => t.CheckEnds([Floats(2, 2, channels), new(I32, 2, 2, channels)],
            [Floats(4, 4, channels)], (x, y, _) => t.Backend.MaxPool2dBackward(x[0], x[1], HalfSize, y[0]))),
        .. WideAndOdd("avg_pool", 4, 3, static (t, channels) => t.CheckEnds([Floats(4, 4, channels)], [Floats(2, 2, channels)],
            (x, y, _) => t.Backend.AvgPool2d(x[0], HalfSize, true, y[0]))),
        .. WideAndOdd("avg_pool_backward", 4, 3, static (t, channels) => t.CheckEnds([Floats(2, 2, channels)], [Floats(4, 4, channels)],
            (x, y, _) => t.Backend.AvgPool2dBackward(x[0], HalfSize, true, y[0]))),
        .. WideAndOdd("avg_pool_global", 4, 3, static (t, channels) => t.CheckEnds([Floats(2, 4, channels)], [Floats(channels)],
            (x, y, _) => t.Backend.GlobalAvgPool2d(x[0], y[0]))),
        .. WideAndOdd("avg_pool_global_backward", 4, 3, static (t, channels) => t.CheckEnds([Floats(channels)], [Floats(2, 4, channels)],
            (x, y, _) => t.Backend.GlobalAvgPool2dBackward(x[0], y[0]))),
        ("im2col", static t => t.CheckEnds([Floats(3, 3, 2)], [Floats(4, 8)], (x, y, images) =>
            new Im2Col(t.Library).Forward(t.Stream, CudaBackend.Pointer(y[0]), CudaBackend.Pointer(x[0]), Windows, 0, images))),
        ("im2col_backward", static t => t.CheckEnds([Floats(4, 8)], [Floats(3, 3, 2)], (x, y, images) =>
            new Im2Col(t.Library).Backward(t.Stream, CudaBackend.Pointer(y[0]), CudaBackend.Pointer(x[0]), Windows, 0, images))),
        ("normalize_images", static t => t.CheckEnds([new(U8, 4, 64, 4), new(U8)], [Floats(4, 64, 4)], (x, y, _) =>
            t.Backend.NormalizeImages(x[0], x[1], t.Input([1f, 2, 3, 4]), t.Input([5f, 6, 7, 8]), y[0]), 1)),
        ("normalize_images_bfloat16", static t => t.CheckEnds([new(U8, 4, 64, 4), new(U8)], [new(U8, 4, 64, 8)], (x, y, images) =>
            t.Library.Get("normalize_images_bfloat16").Launch(t.Stream, images, 256, (4 * 257) + 32, CudaBackend.Pointer(y[0]),
                CudaBackend.Pointer(x[0]), CudaBackend.Pointer(x[1]), CudaBackend.Pointer(t.Input([1f, 2, 3, 4])),
                CudaBackend.Pointer(t.Input([5f, 6, 7, 8])), 256, 4, 4, 4L * images, 4), 1)),
    ];

    static Pool2dGeometry HalfSize => new(new(2, 2), new(2, 2), new(0, 0));

    static ConvolutionShape Windows => new(1, 3, 3, 2, 1, 2, 2);

    /// <summary>Products of many matrices and attention of many images; the last block has the last tile.</summary>
    static (string, Action<LargeTensorTests>)[] Products =>
    [
        .. from tensorCores in (bool[])[false, true]
           from transposeA in (bool[])[false, true]
           from transposeB in (bool[])[false, true]
           select Gemm(tensorCores, transposeA, transposeB),
        .. from units in (AttentionUnits[])[AttentionUnits.Float32, AttentionUnits.Tf32, AttentionUnits.Bfloat16]
           from width in (int[])[32, 64, 128]
           from isBackward in (bool[])[false, true]
           select Attention(units, width, isBackward),
    ];

    static (string, Action<LargeTensorTests>) Gemm(bool tensorCores, bool transposeA, bool transposeB)
    {
        const int Side = 260, Depth = 8;
        string name = $"gemm_{(tensorCores ? "tf32_" : "")}{(transposeA ? 't' : 'n')}{(transposeB ? 't' : 'n')}";
        return (name, t => t.CheckEnds([Floats(Side, Depth), Floats(Depth, Side)], [Floats(Side, Side)], (x, y, batch) =>
            new GemmKernel(t.Library, tensorCores).Launch(t.Stream, CudaBackend.Pointer(y[0]), Side * Side,
                new(CudaBackend.Pointer(x[0]), transposeA, transposeA ? Side : Depth, Side * Depth),
                new(CudaBackend.Pointer(x[1]), transposeB, transposeB ? Depth : Side, Side * Depth),
                DevicePointer.Null, Side, Side, Depth, batch, false), 1, LaunchGrid.MostAlongZ));
    }

    static (string, Action<LargeTensorTests>) Attention(AttentionUnits units, int width, bool isBackward)
    {
        const int Tokens = 64, Heads = 16;
        string kind = units == AttentionUnits.Tf32 ? "attention_mma_tf32"
            : units == AttentionUnits.Bfloat16 ? "attention_mma_bf16" : "attention";
        int channels = Heads * width;
        return ($"{kind}{(isBackward ? "_backward" : "")}_{width}", t =>
        {
            if (isBackward)
                t.CheckEnds([Floats(Tokens, channels), Floats(Tokens, channels), Floats(Tokens, 3 * channels), Floats(Heads, Tokens, 2)],
                    [Floats(Tokens, 3 * channels)],
                    (x, y, _) => t.Backend.AttentionBackward(units, x[0], x[1], x[2], x[3], Heads, 0.1, y[0]), 1);
            else
                t.CheckEnds([Floats(Tokens, 3 * channels)], [Floats(Tokens, channels), Floats(Heads, Tokens, 2)],
                    (x, y, _) => t.Backend.Attention(units, x[0], Heads, 0.1, y[0], y[1]), 1);
        }
        );
    }
}
