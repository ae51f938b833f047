using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Profiling;

/// <summary>Workloads of attention: ViT-S at 16-pixel patches, two heads of an image.</summary>
sealed class AttentionWorkloads(int side)
{
    readonly Attention.Shape shape = new(Batch: side * side, Tokens: 197, Heads: 2, Width: 64, Scale: 0.125f);

    static readonly (string Name, AttentionUnits Units)[] kinds = [("attention_", AttentionUnits.Float32), ("attention_mma_tf32_", AttentionUnits.Tf32), ("attention_mma_bf16_", AttentionUnits.Bfloat16)];

    long Count => (long)shape.Batch * shape.Tokens * shape.Heads * shape.Width;

    string Text => $"[{shape.Batch}, {shape.Tokens}, 3, {shape.Heads}, {shape.Width}]";

    // Per element of y: q, k and v are loaded; backward dy and y too. Each product of queries and keys, or of what has their shape and
    // values, is two operations a token: q kᵀ and p v forward; q kᵀ, dy vᵀ and ds k for the queries, q kᵀ, dy vᵀ, dsᵀ q and pᵀ dy for the keys.
    public IEnumerable<KernelWorkload> All => kinds.SelectMany(kind => new KernelWorkload[]
    {
        new($"{kind.Name}64", "nn", Text, Count, 12, 4, m => Forward(m, kind.Units)) { Operations = 4.0 * shape.Tokens },
        new($"{kind.Name}backward_64", "nn", Text, Count, 20, 12, m => Backward(m, kind.Units)) { Operations = 14.0 * shape.Tokens },
    });

    Action Forward(WorkloadMemory m, AttentionUnits units)
    {
        var (kernel, y, sums, qkv) = (new Attention(m.Library, units), Pointer(m.Output((int)Count)), Pointer(m.Output(Sums)), Pointer(m.Floats((int)(3 * Count))));
        return () => kernel.Forward(m.Stream, y, sums, qkv, shape);
    }

    Action Backward(WorkloadMemory m, AttentionUnits units)
    {
        var (kernel, dqkv, dy) = (new Attention(m.Library, units), Pointer(m.Output((int)(3 * Count))), Pointer(m.Floats((int)Count)));
        var (y, sums, qkv) = (Pointer(m.Output((int)Count)), Pointer(m.Output(Sums)), Pointer(m.Floats((int)(3 * Count))));
        kernel.Forward(m.Stream, y, sums, qkv, shape);
        return () => kernel.Backward(m.Stream, dqkv, dy, y, qkv, sums, shape);
    }

    int Sums => shape.Batch * shape.Heads * shape.Tokens;

    static DevicePointer Pointer(Tensor tensor) => CudaBackend.Pointer(tensor);
}
