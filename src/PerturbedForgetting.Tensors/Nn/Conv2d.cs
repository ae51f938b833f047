namespace PerturbedForgetting.Tensors.Nn;

/// <summary>2-d convolution of images N,H,W,C: <see cref="Ops.Conv2d"/> with weights of its own, named <c>weight</c> and
/// <c>bias</c>.</summary>
public sealed class Conv2d : Module
{
    /// <summary>Weight and bias start uniform in ±1/sqrt(inputs of one output), as in PyTorch.</summary>
    /// <param name="inChannels">Channels of the input.</param>
    /// <param name="outChannels">Channels of the output.</param>
    /// <param name="kernelSize">Extent of the kernel.</param>
    /// <param name="stride">Input pixels between output pixels; 1 where none is given.</param>
    /// <param name="padding">Zeros on every side.</param>
    /// <param name="dilation">Input pixels between taps; 1 where none is given.</param>
    /// <param name="groups">Equal groups of channels that do not see each other.</param>
    /// <param name="bias">Whether there is a bias.</param>
    /// <exception cref="ArgumentException">The channels are not divisible by the groups, or an extent is not positive.</exception>
    public Conv2d(int inChannels, int outChannels, Size2d kernelSize, Size2d? stride = null, Size2d padding = default,
        Size2d? dilation = null,
        int groups = 1, bool bias = true)
    {
        if (inChannels < 1 || outChannels < 1 || groups < 1 || inChannels % groups != 0 || outChannels % groups != 0 || kernelSize.H < 1
            || kernelSize.W < 1)
            throw new ArgumentException($"Conv2d needs channels that {groups} group(s) divide and a kernel of 1x1 at least, not "
                + $"{inChannels} to {outChannels} channels with kernel {kernelSize}.");
        (Stride, Padding, Dilation, Groups) = (stride ?? 1, padding, dilation ?? 1, groups);
        double bound = 1 / Math.Sqrt((double)inChannels / groups * kernelSize.H * kernelSize.W);
        Weight = Register("weight", new Parameter(
            Initialization.Current.Uniform([outChannels, kernelSize.H, kernelSize.W, inChannels / groups], bound),
            WeightLayout.Convolution));
        if (bias)
            Bias = Register("bias", new Parameter(Initialization.Current.Uniform([outChannels], bound)));
    }

    /// <summary>[O, kh, kw, I / groups]. <see cref="Tensor.CopyFrom(Tensor)"/> sets other initial values.</summary>
    public Parameter Weight { get; }

    /// <summary>[O], or none.</summary>
    public Parameter? Bias { get; }

    /// <summary>Input pixels between output pixels.</summary>
    public Size2d Stride { get; }

    /// <summary>Zeros on every side.</summary>
    public Size2d Padding { get; }

    /// <summary>Input pixels between taps.</summary>
    public Size2d Dilation { get; }

    /// <summary>Equal groups of channels that do not see each other.</summary>
    public int Groups { get; }

    /// <inheritdoc/>
    protected override Tensor Forward(Tensor x) =>
        Report(Ops.Conv2d(x, Weight, Bias, Stride, Padding, Dilation, Groups), Weight.Count / Weight.Shape[0]);
}
