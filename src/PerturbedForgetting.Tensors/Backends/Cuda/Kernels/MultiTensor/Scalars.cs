using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>Numbers that steer a step, float64 on the device; kernels/multi_tensor/scalars.cu.</summary>
sealed class Scalars(KernelLibrary library)
{
    const int CopyThreads = 256;

    readonly CudaKernel coefficients = library.Get("scalars_orthogonal_coefficients"), begin = library.Get("scalars_begin_update"), record = library.Get("scalars_record"),
        copy = library.Get("scalars_copy_if_zero"), losses = library.Get("scalars_add_losses");

    /// <summary>coefficients = (a, b) and the squared norm of the combined gradient.</summary>
    public void OrthogonalCoefficients(CudaStream stream, DevicePointer result, DevicePointer combinedSquaredNorm, DevicePointer products,
        DevicePointer directionSquaredNorm, double sign, double alpha, bool isNormalized) =>
        coefficients.Launch(stream, 1, 1, 0, result, combinedSquaredNorm, products, directionSquaredNorm, sign, alpha, isNormalized ? 1 : 0);

    /// <summary>Fills the control block of an update, float64[6].</summary>
    public void BeginUpdate(CudaStream stream, DevicePointer control, DevicePointer squaredNorm, DevicePointer flag, double maxNorm) =>
        begin.Launch(stream, 1, 1, 0, control, squaredNorm, flag, maxNorm);

    /// <summary>last = factor·value; sum += last. The value is float32.</summary>
    public void Record(CudaStream stream, DevicePointer last, DevicePointer sum, DevicePointer value, double factor) =>
        record.Launch(stream, 1, 1, 0, last, sum, value, factor);

    /// <summary>Adds the losses of a mini-batch, float64[4], to an epoch's sums, float64[7]; keep, float64[1], is 0 to begin the first three anew.</summary>
    public void AddLosses(CudaStream stream, DevicePointer sums, DevicePointer batch, DevicePointer keep, int chunks, long samples) =>
        losses.Launch(stream, 1, 1, 0, sums, batch, keep, (double)chunks, (double)samples);

    /// <summary>y = x where the flag is 0.</summary>
    /// <param name="stream">Where.</param>
    /// <param name="y">Receives the values.</param>
    /// <param name="x">Saved values.</param>
    /// <param name="flag">float64[1].</param>
    /// <param name="bytes">A multiple of 4.</param>
    public void CopyIfZero(CudaStream stream, DevicePointer y, DevicePointer x, DevicePointer flag, long bytes)
    {
        if (bytes % sizeof(uint) != 0)
            throw new ArgumentException($"Words of 4 bytes are copied, not {bytes} bytes.", nameof(bytes));
        long words = bytes / sizeof(uint);
        copy.Launch(stream, LaunchGrid.Blocks(words, CopyThreads), CopyThreads, 0, y, x, flag, words);
    }
}
