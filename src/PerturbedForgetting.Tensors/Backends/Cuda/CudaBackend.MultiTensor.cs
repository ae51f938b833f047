using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Random;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

sealed partial class CudaBackend
{
    SquaredNorm SquaredNormKernels => field ??= new(library);

    Products ProductKernels => field ??= new(library);

    StepAlong StepAlongKernel => field ??= new(library);

    Combine CombineKernel => field ??= new(library);

    FillNormal FillNormalKernel => field ??= new(library);

    Lerp LerpKernels => field ??= new(library);

    Scalars ScalarKernels => field ??= new(library);

    SgdUpdate SgdKernel => field ??= new(library);

    AdamUpdate AdamKernel => field ??= new(library);

    public override void SquaredNorm(MultiTensorLayout layout, Tensor x, Weighting weighting, Tensor weights, Tensor result) =>
        SquaredNormKernels.Launch(stream, Tiles(layout), Pointer(result), Pointer(layout.Partials), Dense(x), Dense(weights), weighting);

    public override void Products(MultiTensorLayout layout, Tensor x, Tensor z, Weighting weighting, Tensor weights, Tensor result) =>
        ProductKernels.Launch(stream, Tiles(layout), Pointer(result), Pointer(layout.Partials), Dense(x), Dense(z), Dense(weights), weighting);

    public override void StepAlong(MultiTensorLayout layout, Tensor weights, Tensor d, Weighting weighting, Tensor squaredNorm, Tensor radius, double sign, Tensor? finite, Tensor y) =>
        StepAlongKernel.Launch(stream, Tiles(layout), Dense(y), Dense(weights), Dense(d), weighting, Pointer(squaredNorm), Pointer(radius), sign, PointerOrNull(finite));

    public override void Combine(MultiTensorLayout layout, in UpdateGradient gradient, Tensor weights, double scale, bool accumulate, Tensor y) =>
        CombineKernel.Launch(stream, Tiles(layout), Dense(y), Of(gradient), Dense(weights), scale, accumulate);

    public override void FillNormal(MultiTensorLayout layout, Tensor y, in RandomCall call) =>
        FillNormalKernel.Launch(stream, Tiles(layout), Dense(y), call.Seed, call.Stream, PointerOrNull(call.Counter));

    public override void Lerp(MultiTensorLayout layout, Tensor y, Tensor target, Tensor factor) =>
        LerpKernels.Launch(stream, Tiles(layout), Dense(y), Dense(target), Pointer(factor));

    public override void Lerp(Tensor y, Tensor target, Tensor factor)
    {
        if (y.DType == DType.Int64)
            LerpKernels.LaunchInt64(stream, Pointer(y), Pointer(target), Pointer(factor), y.Count);
        else
            LerpKernels.LaunchTensor(stream, Dense(y), Dense(target), Pointer(factor), y.Count);
    }

    public override void OrthogonalCoefficients(Tensor products, Tensor directionSquaredNorm, double sign, double alpha, bool isNormalized, Tensor coefficients, Tensor combinedSquaredNorm) =>
        ScalarKernels.OrthogonalCoefficients(stream, Pointer(coefficients), Pointer(combinedSquaredNorm), Pointer(products), Pointer(directionSquaredNorm), sign, alpha, isNormalized);

    public override void Record(Tensor value, double factor, Tensor last, Tensor sum) =>
        ScalarKernels.Record(stream, Pointer(last), Pointer(sum), Dense(value), factor);

    public override void AddLosses(Tensor losses, int chunks, long samples, Tensor keep, Tensor sums) =>
        ScalarKernels.AddLosses(stream, Pointer(sums), Pointer(losses), Pointer(keep), chunks, samples);

    public override void CopyIfZero(Tensor flag, Tensor x, Tensor y)
    {
        if (y.Count > 0)
            ScalarKernels.CopyIfZero(stream, Pointer(y), Pointer(x), Pointer(flag), Bytes(y));
    }

    public override void BeginUpdate(Tensor squaredNorm, Tensor flag, double maxNorm, UpdateControl control) =>
        ScalarKernels.BeginUpdate(stream, Pointer(control.Values), Pointer(squaredNorm), Pointer(flag), maxNorm);

    public override void SgdUpdate(MultiTensorLayout layout, Tensor weights, in UpdateGradient gradient, Tensor? momentum, in SgdRule rule, UpdateControl control) =>
        SgdKernel.Launch(stream, Tiles(layout), Dense(weights), DenseOrNull(momentum), Of(gradient), rule, Pointer(control.Values));

    public override void AdamUpdate(MultiTensorLayout layout, Tensor weights, in UpdateGradient gradient, Tensor first, Tensor second, in AdamRule rule, UpdateControl control) =>
        AdamKernel.Launch(stream, Tiles(layout), Dense(weights), Dense(first), Dense(second), Of(gradient), rule, Pointer(control.Values));

    TileTable Tiles(MultiTensorLayout layout) => (TileTable)(layout.DeviceTable ??= new TileTable(workplace.Context, layout));

    static DeviceGradient Of(in UpdateGradient gradient) => gradient.Direction is { } direction
        ? new(Dense(gradient.Values), Dense(direction), gradient.Weighting, Pointer(gradient.Coefficients!))
        : new(Dense(gradient.Values));
}
