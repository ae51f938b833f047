namespace PerturbedForgetting.Tensors;

/// <summary>How a GPU computes. The CPU knows only float32 and is deterministic anyway.</summary>
public sealed record DeviceOptions
{
    /// <summary>Matrix products and convolutions may round their float32 operands to TF32 (10 bits of mantissa) for the matrix
    /// units.</summary>
    public bool AllowTf32 { get; init; } = true;

    /// <summary>Attention rounds its float32 operands to bfloat16 (7 bits of mantissa) for the matrix units; what its profile
    /// measures.</summary>
    internal bool RoundsAttentionToBfloat16 { get; init; }

    /// <summary>Only algorithms that give the same bits in every run.</summary>
    public bool IsDeterministic { get; init; }
}
