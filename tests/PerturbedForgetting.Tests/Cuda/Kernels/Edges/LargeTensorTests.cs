using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends;
using PerturbedForgetting.Tensors.Backends.Cuda;

namespace PerturbedForgetting.Tests.Cuda.Kernels.Edges;

/// <summary>Every kernel beyond 2³¹ elements: the table names the kernels that each of its rows runs, and no kernel may be left
/// out.</summary>
[TestFixture, Parallelizable]
sealed partial class LargeTensorTests : LargeTensorFixture
{
    const DType F32 = DType.Float32, F64 = DType.Float64, I32 = DType.Int32, I64 = DType.Int64, U8 = DType.UInt8;

    /// <summary>Kernels, by names with spaces between, and what runs them and no others.</summary>
    static readonly (string Kernels, Action<LargeTensorTests> Check)[] table =
    [
        .. Elementwise, .. Layout, .. Rows, .. Images, .. Products, .. Columns, .. Arena,
    ];

    /// <summary>Kernels whose sizes are small by construction, and what bounds them.</summary>
    static readonly Dictionary<string, string> bounded = new()
    {
        ["label_rank_count"] = "a batch's samples; more than an int are refused (LimitsAreRefused)",
        ["label_rank_first_out_of_range"] = "a batch's samples; more than an int are refused (LimitsAreRefused)",
        ["reduce_sum_parts"] = "at most 1,024 parts",
        ["scalars_orthogonal_coefficients"] = "a few numbers",
        ["scalars_begin_update"] = "a few numbers",
        ["scalars_record"] = "a few numbers",
        ["scalars_add_losses"] = "a few numbers",
        ["scalars_require_finite"] = "the buffers of a model, whose bytes are an extent (Shape.Extent)",
    };

    static IEnumerable<string> Names => table.Select(static row => row.Kernels);

    [TestCaseSource(nameof(Names))]
    public void FirstAndLastElementsAreThoseOfSmallTensors(string kernels)
    {
        Array.Find(table, row => row.Kernels == kernels).Check(this);
        Assert.That(AllCounters!.Keys, Is.EquivalentTo(kernels.Split(' ')));
    }

    [Test]
    public void EveryKernelIsAccountedFor()
    {
        IEnumerable<string> all = KernelFiles.Used.Names
            .SelectMany(static file => PtxHeader.Read(KernelFiles.Used.Read(file))!.ParameterSizes.Keys);
        Assert.That(Names.SelectMany(static names => names.Split(' ')).Distinct().Concat(bounded.Keys), Is.EquivalentTo(all));
    }

    static (string, Action<LargeTensorTests>)[] Elementwise =>
    [
        Map(Unary.Relu), Map(Unary.Sigmoid), Map(Unary.Gelu), Map(Unary.Scale),
        Map(Binary.Add), Map(Binary.Sub), Map(Binary.Mul), Map(Unary.Relu.Backward), Map(Unary.Sigmoid.Backward), Map(Unary.Gelu.Backward),
        Map(Unary.Sigmoid.Second!), Map(Unary.Gelu.Second!),
        ("elementwise_scale_by", static t => t.CheckEnds([Floats(8)], [Floats(8)],
            (x, y, _) => t.Backend.ScaleBy(x[0], t.Input([3f]), y[0]))),
        ("dropout", static t => t.CheckEnds([Floats(8)], [Floats(8)], (x, y, _) => t.Backend.Dropout(x[0], 0, new(1, 2), y[0]))),
        .. WideAndOdd("add_broadcast", 8, 6, static (t, width) =>
        {
            float[] b = t.Normal(width);
            t.CheckEnds([Floats(width)], [Floats(width)], (x, y, _) => t.Backend.AddBroadcast(x[0], t.Input(b), y[0]));
        }),
        .. WideAndOdd("batch_norm_apply", 8, 6, static (t, width) =>
        {
            float[] saved = t.Normal(5 * width);
            t.CheckEnds([Floats(width), Floats(width)], [Floats(width)],
                (x, y, _) => t.Backend.BatchNormApply(x[0], t.Input(saved, 5, width), x[1], true, y[0]));
        }),
        .. WideAndOdd("batch_norm_input", 8, 6, static (t, width) =>
        {
            float[] saved = t.Normal(5 * width);
            t.CheckEnds([Floats(width), Floats(width)], [Floats(width), Floats(width)], (x, y, _) =>
                t.Backend.BatchNormBackward(x[0], x[1], true, null, t.Input(saved, 5, width), false,
                    new(y[0], y[1], null, false, null, false)));
        }),
        .. WideAndOdd("batch_norm_tangent", 8, 6, static (t, width) =>
        {
            float[] saved = t.Normal(5 * width), w = t.Normal(width), b = t.Normal(width);
            t.CheckEnds([Floats(width), Floats(width), Floats(width)], [Floats(width)], (x, y, _) => t.Backend.BatchNormTangent(x[0], x[1],
                true, null, t.Input(saved, 5, width), t.Input(w), t.Input(b), x[2], y[0]));
        }),
        ("lerp_tensor", static t => t.CheckEnds([Floats(8), Floats(8)], [], (x, _, _) => t.Backend.Lerp(x[0], x[1], t.Input([0.25])))),
        ("lerp_tensor_int64", static t => t.CheckEnds([new(I64, 8), new(I64, 8)], [],
            (x, _, _) => t.Backend.Lerp(x[0], x[1], t.Input([0.25])))),
        ("scalars_copy_if_zero", static t => t.CheckEnds([Floats(8)], [Floats(8)],
            (x, y, _) => t.Backend.CopyIfZero(t.Input([0.0]), x[0], y[0]))),
    ];

    static (string, Action<LargeTensorTests>) Map(Unary f) => (f.Kernel,
        t => t.CheckEnds([Floats(8)], [Floats(8)], (x, y, _) => t.Backend.Map(f, x[0], y[0], 3)));

    static (string, Action<LargeTensorTests>) Map(Binary f) => (f.Kernel,
        t => t.CheckEnds([Floats(8), Floats(8)], [Floats(8)], (x, y, _) => t.Backend.Map(f, x[0], x[1], y[0])));

    /// <summary>A kernel of 4 elements a thread, and its form of one.</summary>
    static (string, Action<LargeTensorTests>)[] WideAndOdd(string kernel, int wide, int odd, Action<LargeTensorTests, int> check) =>
        [(kernel, t => check(t, wide)), (kernel + "_odd", t => check(t, odd))];

    static (string, Action<LargeTensorTests>)[] Layout =>
    [
        ("memory_fill", static t => t.CheckEnds([], [new(F64, 8)], (_, y, _) => t.Backend.Fill(y[0], 1.1))),
        Copy("memory_copy_blocks_1", U8), Copy("memory_copy_blocks_4", F32), Copy("memory_copy_blocks_8", F64),
        ("memory_place_blocks", static t => t.CheckEnds([Floats(4)], [Floats(8)],
            (x, y, entries) => t.Backend.PlaceBlocks(x[0], y[0], new(2, 8), 4, entries))),
        .. Casts,
        ("permute_transpose", static t => t.CheckEnds([Floats(8, 6)], [Floats(6, 8)],
            (x, y, _) => t.Backend.Permute(x[0], [0, 2, 1], y[0]), 1)),
        ("permute", static t => t.CheckEnds([Floats(4, 2, 2)], [Floats(2, 2, 4)],
            (x, y, _) => t.Backend.Permute(x[0], [0, 2, 3, 1], y[0]))),
        ("reduce_mean", static t => t.CheckEnds([Floats(4, 4)], [Floats(4)], (x, y, _) => t.Backend.Mean(x[0], 1, y[0]))),
        ("reduce_mean_last", static t => t.CheckEnds([Floats(8)], [Floats()], (x, y, _) => t.Backend.Mean(x[0], 1, y[0]), 1)),
        ("reduce_mean_backward", static t => t.CheckEnds([Floats(4)], [Floats(4, 4)], (x, y, _) => t.Backend.MeanBackward(x[0], 1, y[0]))),
        ("reduce_sum", static t => t.CheckPartialSums()),
        .. WideAndOdd("patches", 2, 1, static (t, channels) => t.CheckEnds([Floats(2, 4, channels)], [Floats(2, 4 * channels)],
            (x, y, _) => t.Backend.Patches(x[0], 2, y[0]))),
        .. WideAndOdd("patches_backward", 2, 1, static (t, channels) => t.CheckEnds([Floats(2, 4 * channels)], [Floats(2, 4, channels)],
            (x, y, _) => t.Backend.PatchesBackward(x[0], 2, y[0]))),
        .. WideAndOdd("tokens", 8, 6, static (t, channels) =>
        {
            float[] classToken = t.Normal(channels), positions = t.Normal(4 * channels);
            t.CheckEnds([Floats(3, channels)], [Floats(4, channels)],
                (x, y, _) => t.Backend.EmbedTokens(x[0], t.Input(classToken), t.Input(positions, 4, channels), y[0]));
        }),
    ];

    static (string, Action<LargeTensorTests>) Copy(string kernel, DType type) => (kernel, t => t.CheckEnds([new(type, 4)], [new(type, 8)],
        (x, y, entries) => t.Backend.CopyBlocks(x[0], new(0, 4), y[0], new(2, 8), 4, entries)));

    static (string, Action<LargeTensorTests>)[] Casts =>
    [
        .. from @from in (DType[])[F32, F64, I32, I64, U8]
           from to in (DType[])[F32, F64, I32, I64, U8]
           select Cast(Short(@from), Short(to), @from, to),
        // A bfloat16 has two bytes.
        Cast("f32", "bf16", F32, U8, toBytes: 2), Cast("bf16", "f32", U8, F32, fromBytes: 2),
    ];

    static (string, Action<LargeTensorTests>) Cast(string name, string toName, DType from, DType to, int fromBytes = 1, int toBytes = 1) =>
        ($"memory_cast_{name}_{toName}", t => t.CheckEnds([new(from, 8 * fromBytes)], [new(to, 8 * toBytes)], (x, y, entries) =>
            t.LaunchWide($"memory_cast_{name}_{toName}", y[0], x[0], 8L * entries, fromBytes * toBytes == 1 ? 1 : 4)));

    static string Short(DType type) => type switch { F32 => "f32", F64 => "f64", I32 => "i32", I64 => "i64", _ => "u8" };

    // Each block's sum; what finishes them is not large.
    void CheckPartialSums()
    {
        const int Blocks = 1 << 18, Edge = 1024;
        // Four turns a block and more; the end of the last is the end of the tensor.
        long count = Least + ((long)Blocks * Edge);
        float[] first = Whole(Edge, 9).Select(static v => (float)v).ToArray(), last = first.Select(static v => v + 1).ToArray();
        Tensor x = Zeros(F32, checked((int)(count / 8)), 8);
        Backend.Upload(MemoryMarshal.AsBytes<float>(first), Part(x, 0, Edge));
        Backend.Upload(MemoryMarshal.AsBytes<float>(last), Part(x, count - Edge, Edge));
        DeviceBuffer<double> partial = Poisoned<double>(Blocks);
        Library.Get("reduce_sum").Launch(Stream, Blocks, 256, 0, partial, CudaBackend.Pointer(x), count);
        double[] sums = Download(partial);
        Assert.That((sums[0], sums[^1]), Is.EqualTo(((double)first.Sum(), (double)last.Sum())));
    }
}
