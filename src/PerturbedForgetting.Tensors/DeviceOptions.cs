namespace PerturbedForgetting.Tensors;

/// <summary>How a GPU computes. The CPU knows only float32 and is deterministic anyway.</summary>
public sealed record DeviceOptions
{
    /// <summary>Matrix products and convolutions may round their float32 operands to TF32 (10 bits of mantissa) for the matrix units.</summary>
    public bool AllowTf32 { get; init; } = true;

    /// <summary>Only algorithms that give the same bits in every run.</summary>
    public bool IsDeterministic { get; init; }
}
