using PerturbedForgetting.Cuda.Dnn;
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
            var (y, x) = (m.Output(images, Channels), m.Floats(images, Height, Width, Channels));
            return () => m.Backend.GlobalAvgPool2d(x, y);
        }),
        new("im2col", "tensor", Shape + ", 3 x 3", Count, 4, 36, Windows),
        new("im2col_backward", "tensor", Shape + ", 3 x 3", Count, 36, 4, Windows),
        new("patches", "nn", $"[{images}, 64, 64, 3]", Patches, 4, 4, m =>
        {
            var (rows, image) = (m.Output(images, 16, 16 * 16 * 3), m.Floats(images, 64, 64, 3));
            return () => m.Backend.Patches(image, 16, rows);
        }),
        new("normalize_images", "data", $"[{images}, 224, 224, 3]", Pixels, 1, 4, m =>
        {
            var (y, x) = (m.Output(images, 224, 224, 3), m.Zeros(DType.UInt8, images, 224, 224, 3));
            var (offset, divisor) = (m.Upload(123.675f, 116.28f, 103.53f), m.Upload(58.395f, 57.12f, 57.375f));
            return () => m.Backend.NormalizeImages(x, null, offset, divisor, y);
        }),
    ];

    // The whole pass runs; the profile shows the kernel that is asked for.
    KernelWorkload BatchNormWorkload(string kernel, double loaded, double stored) => new(kernel, "nn", Shape, Count, loaded, stored, m =>
    {
        var (saved, x, y) = (m.Output(5, Channels), m.Floats(Rows, Channels), m.Output(Rows, Channels));
        var (weight, dy, dx) = (m.Floats(Channels), m.Floats(Rows, Channels), m.Output(Rows, Channels));
        var (dweight, dbias) = (m.Output(Channels), m.Output(Channels));
        return () =>
        {
            m.Backend.BatchNormStatistics(x, weight, weight, 1e-5, saved, null, null, 0.1, null);
            m.Backend.BatchNormApply(x, saved, null, true, y);
            m.Backend.BatchNormBackward(dy, x, true, null, saved, true, new(dx, null, dweight, false, dbias, false));
        };
    });

    Action Pool(WorkloadMemory m, bool isMax)
    {
        Pool2dGeometry geometry = new(3, 2, 1);
        int[] outputs = [images, Height / 2, Width / 2, Channels];
        var (y, index, x) = (m.Output(outputs), m.Output(DType.Int32, outputs), m.Floats(images, Height, Width, Channels));
        var (dy, dx) = (m.Floats(outputs), m.Output(images, Height, Width, Channels));
        return () =>
        {
            if (isMax)
            {
                m.Backend.MaxPool2d(x, geometry, y, index);
                m.Backend.MaxPool2dBackward(dy, index, geometry, dx);
            }
            else
            {
                m.Backend.AvgPool2d(x, geometry, true, y);
                m.Backend.AvgPool2dBackward(dy, geometry, true, dx);
            }
        };
    }

    Action Windows(WorkloadMemory m)
    {
        ConvolutionShape shape = new(images, Height, Width, Channels, Channels, 3, 3, 1, 1, 1, 1, 1, 1, 1);
        var (kernel, rows, x, dx) = (new Im2Col(m.Library), CudaBackend.Pointer(m.Output(Rows, 9 * Channels)), CudaBackend.Pointer(m.Floats(Rows, Channels)),
            CudaBackend.Pointer(m.Output(Rows, Channels)));
        return () =>
        {
            kernel.Forward(m.Stream, rows, x, shape, 0, images);
            kernel.Backward(m.Stream, dx, rows, shape, 0, images);
        };
    }
}
