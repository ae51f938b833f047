namespace PerturbedForgetting.Tensors.Backends;

/// <summary>How a pooling window moves over its input. Windows may reach over the border, by the padding or by rounding up.</summary>
/// <param name="Kernel">Extent of the window.</param>
/// <param name="Stride">Input pixels from one window to the next.</param>
/// <param name="Padding">How far the first window begins before the input.</param>
readonly record struct Pool2dGeometry(Size2d Kernel, Size2d Stride, Size2d Padding)
{
    /// <summary>Number of windows along an axis, as PyTorch counts them: rounded up, no window begins behind the input and its left
    /// padding.</summary>
    public static int Outputs(int input, int kernel, int stride, int padding, bool ceiling)
    {
        int outputs = ((input + (2 * padding) - kernel + (ceiling ? stride - 1 : 0)) / stride) + 1;
        return ceiling && (outputs - 1) * stride >= input + padding ? outputs - 1 : outputs;
    }
}
