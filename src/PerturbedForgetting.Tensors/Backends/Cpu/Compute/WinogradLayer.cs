namespace PerturbedForgetting.Tensors.Backends.Cpu.Compute;

/// <summary>What is convolved: y[n, oh, ow, o] = bias[o] + the sum of x[n, oh - PadH + kh, ow - PadW + kw, c] times a tap of c and
/// o.</summary>
unsafe struct WinogradLayer<T>
    where T : unmanaged
{
    public T* Image, Weights, Output, Bias;
    public int N, H, W, C, PadH, PadW, OH, OW, O;

    /// <summary>Weights are C,3,3,O with their taps from the last to the first, as an input gradient takes them; else O,3,3,C.</summary>
    public bool IsTurned;

    /// <summary>Whether to add to the output.</summary>
    public bool Accumulate;
}

/// <summary>What a gradient of weights is made of.</summary>
unsafe struct WinogradWeights<T>
    where T : unmanaged
{
    public Conv2dShape Shape;
    public T* Input, Gradient, Taps;

    /// <summary>Whether to add to the taps.</summary>
    public bool Accumulate;
}
