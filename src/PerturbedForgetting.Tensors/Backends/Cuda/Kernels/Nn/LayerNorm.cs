using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>Layer normalisation; kernels/nn/layer_norm.cu.</summary>
sealed class LayerNorm(KernelLibrary library)
{
    const int Threads = 128, MostParts = 512, LeastRows = 8;

    readonly LastDimensionKernel forward = new(library, "layer_norm", Threads), backward = new(library, "layer_norm_backward", Threads);
    readonly Broadcast broadcast = new(library);

    /// <summary>Parts of the rows, each of which sums the gradients of weight and bias on its own.</summary>
    public static int Parts(long rows) => (int)((rows + RowsPerPart(rows) - 1) / RowsPerPart(rows));

    static int RowsPerPart(long rows) => checked((int)Math.Max((rows + MostParts - 1) / MostParts, Math.Min(rows, LeastRows)));

    /// <summary>y, and statistics [rows, 3].</summary>
    public void Forward(CudaStream stream, DevicePointer y, DevicePointer statistics, DevicePointer x, DevicePointer weight, DevicePointer bias, double eps, long rows, int columns) =>
        forward.Launch(stream, rows, columns, 4 * columns, y, statistics, x, weight, bias, eps, columns);

    /// <summary>dx, dweight and dbias; each may be null. <paramref name="partial"/> has 2 <see cref="Parts"/> columns float32.</summary>
    public void Backward(CudaStream stream, DevicePointer dx, DevicePointer dweight, bool accumulateWeight, DevicePointer dbias, bool accumulateBias, DevicePointer partial,
        DevicePointer dy, DevicePointer x, DevicePointer weight, DevicePointer statistics, long rows, int columns)
    {
        int parts = Parts(rows);
        bool sums = !dweight.IsNull || !dbias.IsNull;
        backward.Launch(stream, parts, columns, 16 * columns, dx, sums ? partial : DevicePointer.Null, dy, x, weight, statistics, rows, columns, RowsPerPart(rows));
        if (!dweight.IsNull)
            broadcast.AddParts(stream, dweight, partial, parts, columns, accumulateWeight);
        if (!dbias.IsNull)
            broadcast.AddParts(stream, dbias, partial + (4L * parts * columns), parts, columns, accumulateBias);
    }
}
