using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;

namespace PerturbedForgetting.Tests.Vision.Models;

/// <summary>Between the reference's layouts (N,C,H,W and O,I,kh,kw) and the engine's (N,H,W,C and O,kh,kw,I), written independently of the
/// product.</summary>
static class Layouts
{
    public static int[] TorchShape(StateEntry entry)
    {
        int[] s = entry.Tensor.Shape.ToArray();
        return entry.Layout == WeightLayout.Convolution ? [s[0], s[3], s[1], s[2]] : s;
    }

    /// <summary>Overwrites an entry with values in PyTorch's layout.</summary>
    public static void Set(StateEntry entry, float[] values)
    {
        if (entry.Layout == WeightLayout.Convolution)
            values = ChannelsLast(values, TorchShape(entry));
        if (entry.Tensor.DType == DType.Float64)
            entry.Tensor.CopyFrom<double>(Array.ConvertAll(values, static v => (double)v));
        else
            entry.Tensor.CopyFrom<float>(values);
    }

    /// <summary>Values of a tensor of an entry's shape (the entry itself or its gradient) in PyTorch's layout.</summary>
    public static float[] Torch(StateEntry entry, Tensor values)
    {
        float[] data = values.ToArray<float>();
        return entry.Layout == WeightLayout.Convolution ? ChannelsFirst(data, values.Shape.ToArray()) : data;
    }

    /// <summary>[a, c, h, w] to [a, h, w, c].</summary>
    public static float[] ChannelsLast(float[] x, int[] shape) => Move(x, shape[0], shape[1], shape[2] * shape[3]);

    /// <summary>[a, h, w, c] to [a, c, h, w].</summary>
    public static float[] ChannelsFirst(float[] x, int[] shape) => Move(x, shape[0], shape[1] * shape[2], shape[3]);

    static float[] Move(float[] x, int outer, int rows, int columns)
    {
        var y = new float[x.Length];
        for (int o = 0; o < outer; o++)
            for (int r = 0; r < rows; r++)
                for (int c = 0; c < columns; c++)
                    y[(o * columns + c) * rows + r] = x[(o * rows + r) * columns + c];
        return y;
    }
}
