using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

/// <summary>How attention multiplies; sums are float32 always.</summary>
enum AttentionUnits
{
    /// <summary>CUDA cores, float32.</summary>
    Float32,

    /// <summary>Tensor cores, operands rounded to tf32.</summary>
    Tf32,

    /// <summary>Tensor cores, operands rounded to bfloat16.</summary>
    Bfloat16,
}

/// <remarks>kernels/nn/attention.cu and attention_mma.cu: the scores are never in memory.</remarks>
unsafe sealed partial class CudaBackend
{
    // Units, passes, and widths that heads are padded to; each kernel is loaded when it is needed.
    readonly CudaKernel?[,,] attentionKernels = new CudaKernel?[3, 2, 3];

    AttentionUnits Units => options.RoundsAttentionToBfloat16 ? AttentionUnits.Bfloat16
        : options.AllowTf32 ? AttentionUnits.Tf32 : AttentionUnits.Float32;

    public override bool FusesAttention(int width) => width is >= 4 and <= 128 && width % 4 == 0;

    public override void Attention(Tensor qkv, int heads, double scale, Tensor y, Tensor? statistics) =>
        Attention(Units, qkv, heads, scale, y, statistics);

    public override void AttentionBackward(Tensor dy, Tensor y, Tensor qkv, Tensor statistics, int heads, double scale, Tensor dqkv) =>
        AttentionBackward(Units, dy, y, qkv, statistics, heads, scale, dqkv);

    /// <inheritdoc cref="Attention(Tensor, int, double, Tensor, Tensor?)"/>
    public void Attention(AttentionUnits units, Tensor qkv, int heads, double scale, Tensor y, Tensor? statistics)
    {
        AttentionHeads shape = new(qkv, heads, scale);
        CudaKernel kernel = AttentionKernel(units, shape.Width, isBackward: false, out int threads, out int sharedBytes);
        using Whole whole = new(this, qkv);
        // q kᵀ, and p v: two operations a token each.
        Moving([qkv], [y, statistics], 4 * shape.Tokens * y.Count);
        for (long first = 0; first < qkv.Shape[0]; first += LaunchGrid.MostAlongZ)
            kernel.Launch(stream, GridOf(qkv, heads, rowsOfBlock: 64, first), threads, sharedBytes,
                Dense(y) + shape.Outputs(first), statistics is null ? DevicePointer.Null : Dense(statistics) + shape.Statistics(first),
                whole.Pointer + shape.Inputs(first), KernelArgument.Structure(&shape));
    }

    /// <inheritdoc cref="AttentionBackward(Tensor, Tensor, Tensor, Tensor, int, double, Tensor)"/>
    public void AttentionBackward(AttentionUnits units, Tensor dy, Tensor y, Tensor qkv, Tensor statistics, int heads, double scale,
        Tensor dqkv)
    {
        AttentionHeads shape = new(qkv, heads, scale);
        CudaKernel kernel = AttentionKernel(units, shape.Width, isBackward: true, out int threads, out int sharedBytes);
        using Whole whole = new(this, qkv), upstream = new(this, dy), output = new(this, y);
        // q kᵀ, dy vᵀ and ds k for the queries; q kᵀ, dy vᵀ, dsᵀ q and pᵀ dy for the keys. Half of the blocks for either.
        Moving([qkv, dy, y, statistics], [dqkv], 14 * shape.Tokens * y.Count);
        for (long first = 0; first < qkv.Shape[0]; first += LaunchGrid.MostAlongZ)
        {
            Dim3 grid = GridOf(qkv, heads, rowsOfBlock: units == AttentionUnits.Float32 ? 32 : 64, first);
            kernel.Launch(stream, grid with { X = 2 * grid.X }, threads, sharedBytes, Dense(dqkv) + shape.Inputs(first),
                upstream.Pointer + shape.Outputs(first), output.Pointer + shape.Outputs(first), whole.Pointer + shape.Inputs(first),
                Dense(statistics) + shape.Statistics(first), KernelArgument.Structure(&shape));
        }
    }

    /// <summary>Blocks of the images from <paramref name="first"/> on, as many as a grid has room for.</summary>
    static Dim3 GridOf(Tensor qkv, int heads, int rowsOfBlock, long first)
    {
        const int mostTokens = 1 << 28;
        return qkv.Shape[1] <= mostTokens && heads <= LaunchGrid.MostAlongY
            ? new((int)LaunchGrid.Tiles(qkv.Shape[1], rowsOfBlock), heads, (int)Math.Min(qkv.Shape[0] - first, LaunchGrid.MostAlongZ))
            : throw new DeviceLimitException($"The attention kernels take at most {mostTokens} tokens and {LaunchGrid.MostAlongY} heads, "
                + $"not {qkv.Shape[1]} and {heads}.");
    }

    CudaKernel AttentionKernel(AttentionUnits units, int width, bool isBackward, out int threads, out int sharedBytes)
    {
        if (!FusesAttention(width))
            throw new NotSupportedException(
                $"The attention kernels take heads of 4 to 128 channels, a multiple of 4, not of {width}. Choose another number of heads.");
        int index = width <= 32 ? 0 : width <= 64 ? 1 : 2, padded = 32 << index;
        // The kernels' comments say why: in float32 a row of 128 columns has 16 lanes, others 8.
        bool isFloat32 = units == AttentionUnits.Float32;
        int lanes = isFloat32 && padded == 128 ? 16 : 8;
        threads = 16 * lanes;
        int floats = isFloat32 ? (128 * (padded + 4)) + (64 * (32 + lanes)) : (isBackward ? 192 : 128) * padded;
        sharedBytes = sizeof(float) * floats;
        ref CudaKernel? kernel = ref attentionKernels[(int)units, isBackward ? 1 : 0, index];
        if (kernel is null)
        {
            string name = units switch
            {
                AttentionUnits.Tf32 => "attention_mma_tf32",
                AttentionUnits.Bfloat16 => "attention_mma_bf16",
                _ => "attention",
            };
            kernel = library.Get($"{name}{(isBackward ? "_backward_" : "_")}{padded}");
            kernel.AllowDynamicShared(sharedBytes);
        }
        return kernel;
    }

    /// <summary>The kernels' structure of the same members: queries, keys and values are [batch, tokens, 3, heads, width].</summary>
    readonly struct AttentionHeads(Tensor qkv, int heads, double scale)
    {
        public readonly int Tokens = qkv.Shape[1], Channels = qkv.Shape[2] / 3, Heads = heads, Width = qkv.Shape[2] / 3 / heads;
        public readonly float Scale = (float)scale;

        /// <summary>Where an image's part begins, in bytes: of tensors like qkv, like y, of the statistics.</summary>
        public long Inputs(long image) => 3 * Outputs(image);

        public long Outputs(long image) => sizeof(float) * image * Tokens * Channels;

        public long Statistics(long image) => 2 * sizeof(float) * image * Heads * Tokens;
    }
}
