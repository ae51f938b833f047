using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Nn;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Profiling;

/// <summary>Workloads of <c>kernels/multi_tensor</c>: one step's passes over an arena of one parameter.</summary>
sealed class MultiTensorWorkloads(int side)
{
    readonly int count = 16 * MultiTensorLayout.TileLength * side * side;

    public IEnumerable<KernelWorkload> All =>
    [
        Pass("squared_norm", 4, 0, (m, tiles) =>
        {
            var (kernel, sum, partials, x) = (new SquaredNorm(m.Library), m.Output<double>(1), m.Output<double>(3 * tiles.TileCount), m.Floats(count));
            return () => kernel.Launch(m.Stream, tiles, sum, partials, x, default, Weighting.None);
        }),
        Pass("step_along", 8, 4, (m, tiles) =>
        {
            var (kernel, y, w, d) = (new StepAlong(m.Library), m.Output<float>(count), m.Floats(count), m.Floats(count));
            var (norm, radius) = (m.Upload(2.0), m.Upload(0.05));
            return () => kernel.Launch(m.Stream, tiles, y, w, d, Weighting.None, norm, radius, 1);
        }),
        Pass("products", 8, 0, (m, tiles) =>
        {
            var (kernel, sums, partials, x, z) = (new Products(m.Library), m.Output<double>(3), m.Output<double>(3 * tiles.TileCount), m.Floats(count), m.Floats(count));
            return () => kernel.Launch(m.Stream, tiles, sums, partials, x, z, default, Weighting.None);
        }),
        Pass("lerp", 8, 4, (m, tiles) =>
        {
            var (kernel, y, target, factor) = (new Lerp(m.Library), m.Floats(count), m.Floats(count), m.Upload(0.1));
            return () => kernel.Launch(m.Stream, tiles, y, target, factor);
        }),
        Pass("combine", 4, 4, (m, tiles) =>
        {
            var (kernel, y, x) = (new Combine(m.Library), m.Output<float>(count), new DeviceGradient(m.Floats(count)));
            return () => kernel.Launch(m.Stream, tiles, y, x, default, 0.5, accumulate: false);
        }),
        Pass("sgd_update", 12, 8, (m, tiles) =>
        {
            var (kernel, w, v, g, control) = (new SgdUpdate(m.Library), m.Floats(count), m.Floats(count), new DeviceGradient(m.Floats(count)), Control(m));
            return () => kernel.Launch(m.Stream, tiles, w, v, g, new SgdRule(0.9, true), control);
        }),
        Pass("adam_update", 16, 12, (m, tiles) =>
        {
            var (kernel, w, first, second) = (new AdamUpdate(m.Library), m.Floats(count), m.Floats(count), m.Zeros(count));
            var (g, control) = (new DeviceGradient(m.Floats(count)), Control(m));
            return () => kernel.Launch(m.Stream, tiles, w, first, second, g, new AdamRule(0.9, 0.999, 1e-8, true), control);
        }),
    ];

    KernelWorkload Pass(string kernel, double loaded, double stored, Func<WorkloadMemory, TileTable, Action> prepare) =>
        new(kernel, "multi_tensor", $"[{count}]", count, loaded, stored, m => prepare(m, Tiles(m)));

    // Learning rate, whether to step, scale, steps: an update that is not skipped.
    static DevicePointer Control(WorkloadMemory m) => m.Upload(0.1, 1, 1, 1, 0, 1);

    TileTable Tiles(WorkloadMemory m)
    {
        using var arena = new ParameterArena(new OneParameter(count));
        using var layout = new MultiTensorLayout(arena);
        return m.Own(new TileTable(m.Stream.Context, layout));
    }

    // The arena takes the parameter over.
    sealed class OneParameter : Module
    {
        public OneParameter(int count) => Register("weight", new Parameter(Tensor.Persistent([count])));

        protected override Tensor Forward(Tensor x) => x;
    }
}
