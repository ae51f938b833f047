using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Dnn;
using PerturbedForgetting.Tensors.Backends.Cuda;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tests.Cuda.Kernels;

[TestFixtureSource(typeof(KernelDevices))]
sealed class Im2ColTests(string device) : KernelFixture(device)
{
    static readonly ConvolutionShape[] cases =
    [
        Case(1, 1, 1, 1, 1, 1, 0, 1),
        Case(7, 5, 3, 1, 3, 1, 1, 1),
        Case(8, 9, 4, 2, 3, 2, 1, 1),
        Case(9, 9, 6, 3, 3, 1, 2, 2),
        Case(6, 6, 5, 1, 7, 2, 3, 1),
    ];

    static ConvolutionShape Case(int height, int width, int channels, int groups, int kernel, int stride, int padding, int dilation) =>
        new(2, height, width, channels, groups, kernel, kernel, stride, stride, padding, padding, dilation, dilation, groups);

    [Test]
    public void RowsHoldTheWindowsAndGradientsComeBack([ValueSource(nameof(cases))] ConvolutionShape s)
    {
        int group = s.Groups - 1, first = group * s.GroupChannels;
        float[] x = Normal(s.N * s.Height * s.Width * s.Channels), rows = new float[s.N * s.OutputPixels * s.WindowLength];
        float[] gradient = Normal(rows.Length), dx = Normal(x.Length);
        DeviceBuffer<float> made = Poisoned<float>(rows.Length), back = Upload<float>(dx);
        var kernels = new Im2Col(Library);
        kernels.Forward(Stream, made, Upload<float>(x), s, group, s.N);
        kernels.Backward(Stream, back, Upload<float>(gradient), s, group, s.N);
        // Channels of other groups stay as they are.
        for (int i = 0; i < dx.Length; i++)
            dx[i] = i % s.Channels >= first && i % s.Channels < first + s.GroupChannels ? 0 : dx[i];
        int at = 0;
        for (int image = 0; image < s.N; image++)
            for (int oh = 0; oh < s.OutputHeight; oh++)
                for (int ow = 0; ow < s.OutputWidth; ow++)
                    for (int kh = 0; kh < s.KernelHeight; kh++)
                        for (int kw = 0; kw < s.KernelWidth; kw++)
                            for (int c = 0; c < s.GroupChannels; c++, at++)
                            {
                                int h = (oh * s.StrideHeight) - s.PaddingHeight + (kh * s.DilationHeight);
                                int v = (ow * s.StrideWidth) - s.PaddingWidth + (kw * s.DilationWidth);
                                if (h < 0 || h >= s.Height || v < 0 || v >= s.Width)
                                    continue;
                                int pixel = (((((image * s.Height) + h) * s.Width) + v) * s.Channels) + first + c;
                                rows[at] = x[pixel];
                                dx[pixel] += gradient[at];
                            }
        AssertClose(Download(made), rows, 0);
        // At most 49 additions in another order.
        AssertClose(Download(back), dx, 0, 5e-6);
    }
}
