namespace PerturbedForgetting.Tensors.Backends.Cpu.Compute;

/// <summary>
/// Sizes of a 2-d convolution: input N,H,W,C; weights O,KH,KW,C/Groups; output N,OH,OW,O.
/// Padding is zeros on both sides; dilation 1 is a dense kernel.
/// </summary>
readonly record struct Conv2dShape(
    int N, int H, int W, int C, int O, int KH, int KW, int StrideH, int StrideW, int PadH, int PadW, int DilH, int DilW, int Groups)
{
    /// <summary>Output height.</summary>
    public int OH => ((H + (2 * PadH) - (DilH * (KH - 1)) - 1) / StrideH) + 1;

    /// <summary>Output width.</summary>
    public int OW => ((W + (2 * PadW) - (DilW * (KW - 1)) - 1) / StrideW) + 1;

    /// <summary>Input channels of a group.</summary>
    public int GroupC => C / Groups;

    /// <summary>Output channels of a group.</summary>
    public int GroupO => O / Groups;

    /// <summary>Output pixels of the whole batch.</summary>
    public int OutputPixels => N * OH * OW;

    /// <summary>Multiply-adds of a forward pass, padding counted.</summary>
    public long MultiplyAdds => (long)OutputPixels * O * KH * KW * GroupC;

    /// <summary>Whether every output pixel is a product of the one input pixel at its place.</summary>
    public bool IsPointwise => KH == 1 && KW == 1 && StrideH == 1 && StrideW == 1 && PadH == 0 && PadW == 0;
}
