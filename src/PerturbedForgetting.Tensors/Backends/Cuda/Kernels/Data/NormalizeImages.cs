using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>y = (x - offset) / divisor of uint8 images, mirrored where a flag is set; kernels/data/normalize_images.cu.</summary>
sealed class NormalizeImages
{
    const int Threads = 256, BytesPerBlock = 4096;

    readonly CudaKernel single, half;
    readonly int mostShared;

    /// <param name="library">The kernels.</param>
    public NormalizeImages(KernelLibrary library)
    {
        (single, half) = (library.Get("normalize_images"), library.Get("normalize_images_bfloat16"));
        mostShared = Math.Min(DynamicShared.AllowMost(single), DynamicShared.AllowMost(half));
    }

    /// <summary>One launch.</summary>
    /// <param name="stream">Where.</param>
    /// <param name="y">float32 or bfloat16 [images, height, width, channels].</param>
    /// <param name="x">uint8, the same shape.</param>
    /// <param name="flip">uint8[images], or null.</param>
    /// <param name="offset">float32[channels].</param>
    /// <param name="divisor">float32[channels].</param>
    /// <param name="images">Number of images.</param>
    /// <param name="height">Rows of an image.</param>
    /// <param name="width">Pixels of a row.</param>
    /// <param name="channels">Bytes of a pixel.</param>
    /// <param name="toBfloat16">Whether y is bfloat16.</param>
    /// <exception cref="ArgumentException">Four rows do not fit into the device's shared memory.</exception>
    public void Launch(CudaStream stream, DevicePointer y, DevicePointer x, DevicePointer flip, DevicePointer offset, DevicePointer divisor,
        int images, int height, int width, int channels, bool toBfloat16)
    {
        int row = checked(width * channels);
        long rows = (long)images * height;
        if (rows * row == 0)
            return;
        // A multiple of 4, so that every block begins at a word.
        int rowsPerBlock = 4 * Math.Max(1, BytesPerBlock / 4 / row);
        long bytes = ((long)rowsPerBlock * (row + 1)) + (2L * sizeof(float) * channels);
        if (bytes > mostShared)
            throw new ArgumentException($"Images of {width} x {channels} bytes a row are too wide: four rows need {bytes} bytes of shared memory, but the device has {mostShared}.");
        (toBfloat16 ? half : single).Launch(stream.Moving((toBfloat16 ? 3 : 5) * rows * row), checked((int)((rows + rowsPerBlock - 1) / rowsPerBlock)), Threads, (int)bytes,
            y, x, flip, offset, divisor, row, channels, height, rows, rowsPerBlock);
    }
}
