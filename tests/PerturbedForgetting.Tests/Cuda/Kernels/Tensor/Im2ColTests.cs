using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tests.Cuda.Kernels;

[TestFixtureSource(typeof(KernelDevices))]
sealed class Im2ColTests(string device) : KernelFixture(device)
{
    static readonly Im2Col.Windows[] cases =
    [
        Case(1, 1, 1, 1, 1, 1, 0, 1),
        Case(7, 5, 3, 1, 3, 1, 1, 1),
        Case(8, 9, 4, 2, 3, 2, 1, 1),
        Case(9, 9, 6, 3, 3, 1, 2, 2),
        Case(6, 6, 5, 1, 7, 2, 3, 1),
    ];

    static Im2Col.Windows Case(int height, int width, int channels, int groups, int kernel, int stride, int padding, int dilation) => new()
    {
        Height = height,
        Width = width,
        AllChannels = channels,
        First = channels / groups * (groups - 1),
        Channels = channels / groups,
        KernelH = kernel,
        KernelW = kernel,
        StrideH = stride,
        StrideW = stride,
        PadH = padding,
        PadW = padding,
        DilationH = dilation,
        DilationW = dilation,
        OutHeight = ((height + (2 * padding) - (dilation * (kernel - 1)) - 1) / stride) + 1,
        OutWidth = ((width + (2 * padding) - (dilation * (kernel - 1)) - 1) / stride) + 1,
    };

    [Test]
    public void RowsHoldTheWindowsAndGradientsComeBack([ValueSource(nameof(cases))] Im2Col.Windows w)
    {
        const int images = 2;
        float[] x = Normal(images * w.Height * w.Width * w.AllChannels), rows = new float[images * w.OutHeight * w.OutWidth * w.RowLength];
        float[] gradient = Normal(rows.Length), dx = Normal(x.Length);
        DeviceBuffer<float> made = Poisoned<float>(rows.Length), back = Upload<float>(dx);
        var kernels = new Im2Col(Library);
        kernels.Forward(Stream, made, Upload<float>(x), w, images);
        kernels.Backward(Stream, back, Upload<float>(gradient), w, images);
        // Channels of other groups stay as they are.
        for (int i = 0; i < dx.Length; i++)
            dx[i] = i % w.AllChannels >= w.First && i % w.AllChannels < w.First + w.Channels ? 0 : dx[i];
        int at = 0;
        for (int image = 0; image < images; image++)
            for (int oh = 0; oh < w.OutHeight; oh++)
                for (int ow = 0; ow < w.OutWidth; ow++)
                    for (int kh = 0; kh < w.KernelH; kh++)
                        for (int kw = 0; kw < w.KernelW; kw++)
                            for (int c = 0; c < w.Channels; c++, at++)
                            {
                                int h = (oh * w.StrideH) - w.PadH + (kh * w.DilationH), v = (ow * w.StrideW) - w.PadW + (kw * w.DilationW);
                                if (h < 0 || h >= w.Height || v < 0 || v >= w.Width)
                                    continue;
                                int pixel = (((((image * w.Height) + h) * w.Width) + v) * w.AllChannels) + w.First + c;
                                rows[at] = x[pixel];
                                dx[pixel] += gradient[at];
                            }
        AssertClose(Download(made), rows, 0);
        // At most 49 additions in another order.
        AssertClose(Download(back), dx, 0, 5e-6);
    }
}
