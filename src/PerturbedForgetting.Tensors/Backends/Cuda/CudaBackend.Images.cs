using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

/// <remarks>kernels/data/normalize_images.cu.</remarks>
sealed partial class CudaBackend
{
    LargeSharedKernel NormalizeKernel => field ??= new(library, "normalize_images");

    public override void NormalizeImages(Tensor x, Tensor? flip, Tensor offset, Tensor divisor, Tensor y)
    {
        const int bytesPerBlock = 4096;
        if (y.Count == 0)
            return;
        // Without flags only rows matter, so that fewer dimensions do.
        int channels = x.Shape[-1], width = x.Shape.Rank > 1 ? x.Shape[-2] : 1, height = x.Shape.Rank > 2 ? x.Shape[-3] : 1;
        int row = Shape.Extent((long)width * channels, "bytes of an image's row");
        long rows = x.Count / row;
        // A multiple of 4, so that every block begins at a word.
        int rowsPerBlock = 4 * Math.Max(1, bytesPerBlock / 4 / row);
        long shared = ((long)rowsPerBlock * (row + 1)) + (2L * sizeof(float) * channels);
        if (shared > NormalizeKernel.MostShared)
            throw new DeviceLimitException($"Images of {width} x {channels} bytes a row are too wide: four rows need {shared} bytes of "
                + $"shared memory, but the device has {NormalizeKernel.MostShared}.");
        int blocks = LaunchGrid.Rows(NormalizeKernel.Kernel.Name, LaunchGrid.Tiles(rows, rowsPerBlock), row);
        NormalizeKernel.Kernel.Launch(Moving([x, flip, offset, divisor], [y]), blocks, Threads, (int)shared,
            Dense(y), Pointer(x), PointerOrNull(flip), Dense(offset), Dense(divisor),
            row, channels, height, rows, rowsPerBlock);
    }
}
