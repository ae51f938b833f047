using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Profiling;

/// <summary>Workloads on channels-last images: batch norm, pooling, windows of a convolution, patches, normalisation.</summary>
sealed class ImageWorkloads(int side)
{
    const int Height = 32, Width = 32, Channels = 64;

    readonly int images = 4 * side * side;

    int Rows => images * Height * Width;

    long Count => (long)Rows * Channels;

    int Patches => images * 64 * 64 * 3;

    int Pixels => images * 224 * 224 * 3;

    string Shape => $"[{images}, {Height}, {Width}, {Channels}]";

    public IEnumerable<KernelWorkload> All =>
    [
        BatchNormWorkload("batch_norm_statistics", 4, 0),
        BatchNormWorkload("batch_norm_apply", 4, 4),
        BatchNormWorkload("batch_norm_gradients", 8, 0),
        BatchNormWorkload("batch_norm_input", 8, 4),
        new("max_pool", "nn", Shape + ", 3 x 3 by 2", Count, 4, 2, m => Pool(m, isMax: true)),
        new("max_pool_backward", "nn", Shape + ", 3 x 3 by 2", Count, 2, 4, m => Pool(m, isMax: true)),
        new("avg_pool", "nn", Shape + ", 3 x 3 by 2", Count, 4, 1, m => Pool(m, isMax: false)),
        new("avg_pool_backward", "nn", Shape + ", 3 x 3 by 2", Count, 1, 4, m => Pool(m, isMax: false)),
        new("avg_pool_global", "nn", Shape, Count, 4, 4.0 / Height / Width, m =>
        {
            var (kernel, y, x) = (new Pooling(m.Library), m.Output<float>(images * Channels), m.Floats(Count));
            return () => kernel.Global(m.Stream, y, x, Height * Width, Channels, images);
        }),
        new("im2col", "tensor", Shape + ", 3 x 3", Count, 4, 36, Windows),
        new("im2col_backward", "tensor", Shape + ", 3 x 3", Count, 36, 4, Windows),
        new("patches", "nn", $"[{images}, 64, 64, 3]", Patches, 4, 4, m =>
        {
            var (kernel, rows, image) = (new Embedding(m.Library), m.Output<float>(Patches), m.Floats(Patches));
            return () => kernel.Patches(m.Stream, rows, image, 16, 64, 3, Patches);
        }),
        new("normalize_images", "data", $"[{images}, 224, 224, 3]", Pixels, 1, 4, Normalize),
    ];

    // The whole pass runs; the profile shows the kernel that is asked for.
    KernelWorkload BatchNormWorkload(string kernel, double loaded, double stored) => new(kernel, "nn", Shape, Count, loaded, stored, m =>
    {
        var (norm, saved, x, y) = (new BatchNorm(m.Library), m.Output<float>(5 * Channels), m.Floats(Count), m.Output<float>(Count));
        var (weight, scratch, dy, dx) = (m.Floats(Channels), m.Output<float>(BatchNorm.Scratch(Rows, Channels)), m.Floats(Count), m.Output<float>(Count));
        var (dweight, dbias) = (m.Output<float>(Channels), m.Output<float>(Channels));
        return () =>
        {
            norm.Statistics(m.Stream, saved, default, default, default, scratch, x, weight, weight, 1e-5, 0.1, Rows, Channels);
            norm.Apply(m.Stream, y, x, saved, default, true, Rows, Channels);
            norm.Backward(m.Stream, new BatchNorm.Results(dx, default, dweight, false, dbias, false), scratch, dy, x, default, saved, true, true, Rows, Channels);
        };
    });

    Action Pool(WorkloadMemory m, bool isMax)
    {
        long outputs = Count / 4;
        var windows = new Pooling.Windows
        {
            Height = Height,
            Width = Width,
            OutHeight = Height / 2,
            OutWidth = Width / 2,
            Channels = Channels,
            KernelH = 3,
            KernelW = 3,
            StrideH = 2,
            StrideW = 2,
            PadH = 1,
            PadW = 1,
        };
        var (kernel, y, index, x) = (new Pooling(m.Library), m.Output<float>(outputs), m.Output<int>(outputs), m.Floats(Count));
        var (dy, dx) = (m.Floats(outputs), m.Output<float>(Count));
        return () =>
        {
            if (isMax)
            {
                kernel.Max(m.Stream, y, index, x, windows, images);
                kernel.MaxBackward(m.Stream, dx, dy, index, windows, images);
            }
            else
            {
                kernel.Avg(m.Stream, y, x, windows, true, images);
                kernel.AvgBackward(m.Stream, dx, dy, windows, true, images);
            }
        };
    }

    Action Windows(WorkloadMemory m)
    {
        var windows = new Im2Col.Windows
        {
            Height = Height,
            Width = Width,
            AllChannels = Channels,
            Channels = Channels,
            OutHeight = Height,
            OutWidth = Width,
            KernelH = 3,
            KernelW = 3,
            StrideH = 1,
            StrideW = 1,
            PadH = 1,
            PadW = 1,
            DilationH = 1,
            DilationW = 1,
        };
        var (kernel, rows, x, dx) = (new Im2Col(m.Library), m.Output<float>(9 * Count), m.Floats(Count), m.Output<float>(Count));
        return () =>
        {
            kernel.Forward(m.Stream, rows, x, windows, images);
            kernel.Backward(m.Stream, dx, rows, windows, images);
        };
    }

    Action Normalize(WorkloadMemory m)
    {
        var (kernel, y, x) = (new NormalizeImages(m.Library), m.Output<float>(Pixels), m.Zeros(Pixels / 4));
        var (offset, divisor) = (m.Upload(123.675f, 116.28f, 103.53f), m.Upload(58.395f, 57.12f, 57.375f));
        return () => kernel.Launch(m.Stream, y, x, DevicePointer.Null, offset, divisor, images, 224, 224, 3, toBfloat16: false);
    }
}
