namespace PerturbedForgetting.Tensors.Backends.Cuda.Profiling;

/// <summary>Workloads of attention: ViT-S at 16-pixel patches, two heads of an image.</summary>
sealed class AttentionWorkloads(int side)
{
    const int Tokens = 197, Heads = 2, Width = 64;

    static readonly (string Name, AttentionUnits Units)[] kinds =
        [("attention_", AttentionUnits.Float32), ("attention_mma_tf32_", AttentionUnits.Tf32), ("attention_mma_bf16_", AttentionUnits.Bfloat16)];

    readonly int batch = side * side;

    long Count => (long)batch * Tokens * Heads * Width;

    string Text => $"[{batch}, {Tokens}, 3, {Heads}, {Width}]";

    // Per element of y: q, k and v are loaded; backward dy and y too. Each product of queries and keys, or of what has their shape and
    // values, is two operations a token: q kᵀ and p v forward; q kᵀ, dy vᵀ and ds k for the queries, q kᵀ, dy vᵀ, dsᵀ q and pᵀ dy for the keys.
    public IEnumerable<KernelWorkload> All => kinds.SelectMany(kind => new KernelWorkload[]
    {
        new($"{kind.Name}64", "nn", Text, Count, 12, 4, m => Run(m, kind.Units, backward: false)) { Operations = 4.0 * Tokens },
        new($"{kind.Name}backward_64", "nn", Text, Count, 20, 12, m => Run(m, kind.Units, backward: true)) { Operations = 14.0 * Tokens },
    });

    Action Run(WorkloadMemory m, AttentionUnits units, bool backward)
    {
        const int channels = Heads * Width;
        var (y, sums, qkv) = (m.Output(batch, Tokens, channels), m.Output(batch, Heads, Tokens), m.Floats(batch, Tokens, 3 * channels));
        if (!backward)
            return () => m.Backend.Attention(units, qkv, Heads, 0.125, y, sums);
        var (dqkv, dy) = (m.Output(batch, Tokens, 3 * channels), m.Floats(batch, Tokens, channels));
        m.Backend.Attention(units, qkv, Heads, 0.125, y, sums);
        return () => m.Backend.AttentionBackward(units, dy, y, qkv, sums, Heads, 0.125, dqkv);
    }
}
