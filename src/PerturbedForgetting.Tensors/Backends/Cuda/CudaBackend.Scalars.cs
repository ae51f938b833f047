using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors.MultiTensor;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

/// <remarks>kernels/multi_tensor/scalars.cu: numbers that steer a step, float64 on the device; one thread each, but for the copy and the
/// look at statistics.</remarks>
sealed partial class CudaBackend
{
    CudaKernel CoefficientsKernel => field ??= library.Get("scalars_orthogonal_coefficients");

    CudaKernel BeginUpdateKernel => field ??= library.Get("scalars_begin_update");

    CudaKernel RecordKernel => field ??= library.Get("scalars_record");

    CudaKernel AddLossesKernel => field ??= library.Get("scalars_add_losses");

    CudaKernel RequireFiniteKernel => field ??= library.Get("scalars_require_finite");

    CudaKernel CopyIfZeroKernel => field ??= library.Get("scalars_copy_if_zero");

    public override void OrthogonalCoefficients(Tensor products, Tensor directionSquaredNorm, double sign, double alpha, bool isNormalized,
        Tensor coefficients, Tensor combinedSquaredNorm) =>
        CoefficientsKernel.Launch(Moving([products, directionSquaredNorm], [coefficients, combinedSquaredNorm]), 1, 1, 0,
            Pointer(coefficients), Pointer(combinedSquaredNorm), Pointer(products), Pointer(directionSquaredNorm),
            sign, alpha, isNormalized ? 1 : 0);

    public override void BeginUpdate(Tensor squaredNorm, Tensor flag, double maxNorm, UpdateControl control) =>
        BeginUpdateKernel.Launch(Moving([squaredNorm, flag, control.Values], [control.Values]), 1, 1, 0,
            Pointer(control.Values), Pointer(squaredNorm), Pointer(flag), maxNorm);

    public override void Record(Tensor value, double factor, Tensor last, Tensor sum) =>
        RecordKernel.Launch(Moving([value, sum], [last, sum]), 1, 1, 0, Pointer(last), Pointer(sum), Dense(value), factor);

    public override void AddLosses(Tensor losses, int chunks, long samples, Tensor keep, Tensor sums) =>
        AddLossesKernel.Launch(Moving([losses, keep, sums], [sums]), 1, 1, 0,
            Pointer(sums), Pointer(losses), Pointer(keep), (double)chunks, (double)samples);

    public override void RequireFinite(Tensor x, Tensor flag) =>
        RequireFiniteKernel.Launch(Moving([x], []), 1, Threads, 0, Pointer(flag), Dense(x), x.Count);

    public override void CopyIfZero(Tensor flag, Tensor x, Tensor y)
    {
        long words = Bytes(y) / sizeof(uint);
        if (Bytes(y) % sizeof(uint) != 0)
            throw new ArgumentException($"Words of 4 bytes are copied, not {Bytes(y)} bytes.", nameof(y));
        // At the least, because as a rule nothing is copied.
        if (words > 0)
            CopyIfZeroKernel.Launch(Moving([flag], []), LaunchGrid.Blocks(words, Threads), Threads, 0,
                Pointer(y), Pointer(x), Pointer(flag), words);
    }
}
