using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

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

/// <summary>Multi-head attention and its gradient, the scores never in memory; kernels/nn/attention.cu and attention_mma.cu.</summary>
/// <param name="library">The kernels.</param>
/// <param name="units">How it multiplies.</param>
sealed unsafe class Attention(KernelLibrary library, AttentionUnits units)
{
    const int Threads = 128, ForwardRows = 64;

    static readonly int[] paddedWidths = [32, 64, 128];

    readonly string name = units switch
    {
        AttentionUnits.Tf32 => "attention_mma_tf32_",
        AttentionUnits.Bfloat16 => "attention_mma_bf16_",
        _ => "attention_",
    };

    // Each width is loaded when it is needed.
    readonly CudaKernel?[] forward = new CudaKernel?[paddedWidths.Length], backward = new CudaKernel?[paddedWidths.Length];

    /// <summary>Queries, keys and values [batch, tokens, 3, heads, width].</summary>
    /// <param name="Batch">Images.</param>
    /// <param name="Tokens">Tokens of an image.</param>
    /// <param name="Heads">Heads.</param>
    /// <param name="Width">Channels of a head: a multiple of 4 up to 128.</param>
    /// <param name="Scale">Factor of the scores.</param>
    public readonly record struct Shape(int Batch, int Tokens, int Heads, int Width, float Scale);

    // The kernels' structure of the same name.
    struct HeadsOfKernel
    {
        public int Tokens, Channels, Heads, Width;
        public float Scale;
    }

    /// <summary>y [batch, tokens, heads, width]; log_sums [batch, heads, tokens] may be null.</summary>
    public void Forward(CudaStream stream, DevicePointer y, DevicePointer logSums, DevicePointer qkv, in Shape shape)
    {
        int index = WidthIndex(shape), bytes = ForwardBytes(paddedWidths[index]);
        HeadsOfKernel heads = Structure(shape);
        CudaKernel kernel = forward[index] ??= Load($"{name}{paddedWidths[index]}", bytes);
        kernel.Launch(stream, Grid(shape, ForwardRows), Threads, bytes, y, logSums, qkv, KernelArgument.Structure(&heads));
    }

    /// <summary>dqkv of the layout of qkv.</summary>
    public void Backward(CudaStream stream, DevicePointer dqkv, DevicePointer dy, DevicePointer y, DevicePointer qkv, DevicePointer logSums, in Shape shape)
    {
        int index = WidthIndex(shape), bytes = BackwardBytes(paddedWidths[index]);
        HeadsOfKernel heads = Structure(shape);
        CudaKernel kernel = backward[index] ??= Load($"{name}backward_{paddedWidths[index]}", bytes);
        Dim3 grid = Grid(shape, units == AttentionUnits.Float32 ? 32 : 64);
        // Half of the blocks for queries, half for keys.
        kernel.Launch(stream, new(2 * grid.X, grid.Y, grid.Z), Threads, bytes, dqkv, dy, y, qkv, logSums,
            KernelArgument.Structure(&heads));
    }

    // Dynamic shared memory; the kernels' comments say why.
    int ForwardBytes(int width) => units == AttentionUnits.Float32 ? 4 * ((128 * (width + 4)) + (64 * 40)) : 4 * 128 * width;

    int BackwardBytes(int width) => units == AttentionUnits.Float32 ? ForwardBytes(width) : 4 * 192 * width;

    static Dim3 Grid(in Shape shape, int rows) => new((shape.Tokens + rows - 1) / rows, shape.Heads, shape.Batch);

    static HeadsOfKernel Structure(in Shape shape) =>
        new() { Tokens = shape.Tokens, Channels = shape.Heads * shape.Width, Heads = shape.Heads, Width = shape.Width, Scale = shape.Scale };

    CudaKernel Load(string kernel, int sharedBytes)
    {
        CudaKernel loaded = library.Get(kernel);
        loaded.AllowDynamicShared(sharedBytes);
        return loaded;
    }

    /// <summary>Whether there is a kernel for heads of so many channels.</summary>
    public static bool IsWidth(int width) => width is >= 4 and <= 128 && width % 4 == 0;

    static int WidthIndex(in Shape shape)
    {
        if (!IsWidth(shape.Width))
            throw new NotSupportedException($"The attention kernels take heads of 4 to 128 channels, a multiple of 4, not of {shape.Width}. Choose another number of heads.");
        return shape.Width <= 32 ? 0 : shape.Width <= 64 ? 1 : 2;
    }
}
