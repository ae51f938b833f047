using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Random;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

/// <remarks>kernels/multi_tensor: passes over the flat buffers of an arena, one block a tile, or a run.</remarks>
sealed partial class CudaBackend
{
    CudaKernel SquaredNormKernel => field ??= library.Get("squared_norm");

    CudaKernel ProductsKernel => field ??= library.Get("products");

    CudaKernel StepAlongKernel => field ??= library.Get("step_along");

    CudaKernel CombineKernel => field ??= library.Get("combine");

    CudaKernel AccumulateKernel => field ??= library.Get("accumulate");

    CudaKernel NarrowKernel => field ??= library.Get("narrow");

    CudaKernel FillNormalKernel => field ??= library.Get("fill_normal");

    CudaKernel LerpKernel => field ??= library.Get("lerp");

    CudaKernel LerpTensorKernel => field ??= library.Get("lerp_tensor");

    CudaKernel LerpInt64Kernel => field ??= library.Get("lerp_tensor_int64");

    CudaKernel SgdUpdateKernel => field ??= library.Get("sgd_update");

    CudaKernel AdamUpdateKernel => field ??= library.Get("adam_update");

    public override void SquaredNorm(MultiTensorLayout layout, Tensor x, Weighting weighting, Tensor weights, Tensor result)
    {
        TileTable tiles = TilesOf(layout);
        SquaredNormKernel.Launch(Passing(tiles, read: 1 + Reading(weighting), written: 0), tiles.TileCount, TileTable.Threads, 0,
            Pointer(result), Pointer(layout.Partials), Flat(x), Flat(weights), (int)weighting, tiles.Tiles);
    }

    public override void Products(MultiTensorLayout layout, Tensor x, Tensor z, Weighting weighting, Tensor weights, Tensor result)
    {
        TileTable tiles = TilesOf(layout);
        ProductsKernel.Launch(Passing(tiles, read: 2 + Reading(weighting), written: 0), tiles.TileCount, TileTable.Threads, 0,
            Pointer(result), Pointer(layout.Partials), Flat(x), Flat(z), Flat(weights), (int)weighting, tiles.Tiles);
    }

    public override void StepAlong(MultiTensorLayout layout, Tensor weights, Tensor d, Weighting weighting, Tensor squaredNorm,
        Tensor radius, double sign, Tensor? finite, Tensor y)
    {
        TileTable tiles = TilesOf(layout);
        StepAlongKernel.Launch(Passing(tiles, read: 2, written: 1), tiles.TileCount, TileTable.Threads, 0,
            Flat(y), Flat(weights), Flat(d), (int)weighting, Pointer(squaredNorm), Pointer(radius), sign, PointerOrNull(finite),
            tiles.Tiles);
    }

    public override void Combine(MultiTensorLayout layout, in UpdateGradient gradient, Tensor weights, double scale, bool accumulate,
        Tensor y)
    {
        TileTable tiles = TilesOf(layout);
        int read = Reading(gradient) + (gradient.Direction is null ? 0 : Reading(gradient.Weighting)) + (accumulate ? 1 : 0);
        CombineKernel.Launch(Passing(tiles, read, written: 1), tiles.TileCount, TileTable.Threads, 0,
            Flat(y), Flat(gradient.Values), FlatOrNull(gradient.Direction), Flat(weights), (int)gradient.Weighting,
            PointerOrNull(gradient.Coefficients), scale, accumulate ? 1 : 0, tiles.Tiles);
    }

    public override void Accumulate(MultiTensorLayout layout, in UpdateGradient gradient, Tensor weights, double scale, bool accumulate,
        Tensor y)
    {
        TileTable tiles = TilesOf(layout);
        int read = Reading(gradient) + (gradient.Direction is null ? 0 : Reading(gradient.Weighting)) + (accumulate ? 2 : 0);
        AccumulateKernel.Launch(Passing(tiles, read, written: 2), tiles.TileCount, TileTable.Threads, 0,
            Pointer(y), Flat(gradient.Values), FlatOrNull(gradient.Direction), Flat(weights), (int)gradient.Weighting,
            PointerOrNull(gradient.Coefficients), scale, accumulate ? 1 : 0, tiles.Tiles);
    }

    public override void Narrow(MultiTensorLayout layout, Tensor x, Tensor y)
    {
        TileTable tiles = TilesOf(layout);
        NarrowKernel.Launch(Passing(tiles, read: 2, written: 1), tiles.TileCount, TileTable.Threads, 0,
            Flat(y), Pointer(x), tiles.Tiles);
    }

    public override void FillNormal(MultiTensorLayout layout, Tensor y, in RandomCall call)
    {
        TileTable tiles = TilesOf(layout);
        if (tiles.RunCount > 0)
            FillNormalKernel.Launch(Passing(tiles, read: 0, written: 1), tiles.RunCount, TileTable.Threads, 0,
                Flat(y), call.Seed, call.Stream, PointerOrNull(call.Counter), tiles.Runs);
    }

    public override void Lerp(MultiTensorLayout layout, Tensor y, Tensor target, Tensor factor)
    {
        TileTable tiles = TilesOf(layout);
        LerpKernel.Launch(Passing(tiles, read: 2, written: 1), tiles.TileCount, TileTable.Threads, 0,
            Flat(y), Flat(target), Pointer(factor), tiles.Tiles);
    }

    public override void Lerp(Tensor y, Tensor target, Tensor factor)
    {
        bool isInt64 = y.DType == DType.Int64;
        CudaKernel kernel = isInt64 ? LerpInt64Kernel : LerpTensorKernel;
        kernel.Launch(Moving([y, target, factor], [y]), LaunchGrid.Blocks(y.Count, Threads), Threads, 0,
            isInt64 ? Pointer(y) : Dense(y), isInt64 ? Pointer(target) : Dense(target), Pointer(factor), y.Count);
    }

    public override void SgdUpdate(MultiTensorLayout layout, Tensor weights, in UpdateGradient gradient, Tensor? momentum, in SgdRule rule,
        UpdateControl control)
    {
        TileTable tiles = TilesOf(layout);
        int changed = momentum is null ? 1 : 2;
        SgdUpdateKernel.Launch(Passing(tiles, read: changed + Reading(gradient), written: changed), tiles.TileCount, TileTable.Threads, 0,
            Flat(weights), FlatOrNull(momentum), Flat(gradient.Values), FlatOrNull(gradient.Direction), (int)gradient.Weighting,
            PointerOrNull(gradient.Coefficients), rule.Momentum, rule.IsDecoupled ? 1 : 0, Pointer(control.Values), tiles.Tiles);
    }

    public override void AdamUpdate(MultiTensorLayout layout, Tensor weights, in UpdateGradient gradient, Tensor first, Tensor second,
        in AdamRule rule, UpdateControl control)
    {
        TileTable tiles = TilesOf(layout);
        AdamUpdateKernel.Launch(Passing(tiles, read: 3 + Reading(gradient), written: 3), tiles.TileCount, TileTable.Threads, 0,
            Flat(weights), Flat(first), Flat(second), Flat(gradient.Values), FlatOrNull(gradient.Direction), (int)gradient.Weighting,
            PointerOrNull(gradient.Coefficients), rule.Beta1, rule.Beta2, rule.Epsilon, rule.IsDecoupled ? 1 : 0,
            Pointer(control.Values), tiles.Tiles);
    }

    /// <summary>A flat buffer's address.</summary>
    static DevicePointer Flat(Tensor t) => VectorAccess.Fits(t)
        ? Dense(t)
        : throw new ArgumentException($"A flat buffer of an arena begins at a multiple of 16 bytes; {t} is a view that does not.");

    static DevicePointer FlatOrNull(Tensor? t) => t is null ? DevicePointer.Null : Flat(t);

    TileTable TilesOf(MultiTensorLayout layout) => (TileTable)(layout.DeviceTable ??= new TileTable(workplace.Context, layout));

    /// <summary>The stream, told how many flat buffers the next launch reads and writes where they are trained.</summary>
    CudaStream Passing(TileTable tiles, int read, int written) =>
        stream.Moving(sizeof(float) * read * tiles.Elements, sizeof(float) * written * tiles.Elements);

    /// <summary>Flat buffers that a weighting reads: the weights.</summary>
    static int Reading(Weighting weighting) => weighting == Weighting.None ? 0 : 1;

    /// <summary>Flat buffers of a gradient; an update has the weights of its weighting at hand.</summary>
    static int Reading(in UpdateGradient gradient) => gradient.Direction is null ? 1 : 2;
}
