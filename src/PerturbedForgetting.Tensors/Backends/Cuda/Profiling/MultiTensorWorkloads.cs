using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Nn;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Profiling;

/// <summary>Workloads of <c>kernels/multi_tensor</c>: one step's passes over an arena of one parameter.</summary>
sealed class MultiTensorWorkloads(int side)
{
    readonly int count = 16 * MultiTensorLayout.TileLength * side * side;

    public IEnumerable<KernelWorkload> All =>
    [
        Pass("squared_norm", 4, 0, (m, layout, w) =>
        {
            var (sum, x) = (m.Output(DType.Float64, 1), m.Floats(count));
            return () => m.Backend.SquaredNorm(layout, x, Weighting.None, w, sum);
        }),
        Pass("step_along", 8, 4, (m, layout, w) =>
        {
            var (y, d, norm, radius) = (m.Output(count), m.Floats(count), m.Upload(2.0), m.Upload(0.05));
            return () => m.Backend.StepAlong(layout, w, d, Weighting.None, norm, radius, 1, null, y);
        }),
        Pass("products", 8, 0, (m, layout, w) =>
        {
            var (sums, x, z) = (m.Output(DType.Float64, 3), m.Floats(count), m.Floats(count));
            return () => m.Backend.Products(layout, x, z, Weighting.None, w, sums);
        }),
        Pass("lerp", 8, 4, (m, layout, w) =>
        {
            var (target, factor) = (m.Floats(count), m.Upload(0.1));
            return () => m.Backend.Lerp(layout, w, target, factor);
        }),
        Pass("combine", 4, 4, (m, layout, w) =>
        {
            var (y, x) = (m.Output(count), m.Floats(count));
            return () => m.Backend.Combine(layout, new(x), w, 0.5, accumulate: false, y);
        }),
        Pass("sgd_update", 12, 8, (m, layout, w) =>
        {
            var (v, g, control) = (m.Floats(count), m.Floats(count), Control(m, w.Device));
            return () => m.Backend.SgdUpdate(layout, w, new(g), v, new SgdRule(0.9, true), control);
        }),
        Pass("adam_update", 16, 12, (m, layout, w) =>
        {
            var (first, second, g, control) = (m.Floats(count), m.Zeros(DType.Float32, count), m.Floats(count), Control(m, w.Device));
            return () => m.Backend.AdamUpdate(layout, w, new(g), first, second, new AdamRule(0.9, 0.999, 1e-8, true), control);
        }),
    ];

    KernelWorkload Pass(string kernel, double loaded, double stored, Func<WorkloadMemory, MultiTensorLayout, Tensor, Action> prepare) =>
        new(kernel, "multi_tensor", $"[{count}]", count, loaded, stored, m =>
        {
            Tensor w = m.Floats(count);
            var arena = m.Own(new ParameterArena(new OneParameter(count, w.Device)));
            return prepare(m, m.Own(new MultiTensorLayout(arena)), w);
        });

    // Learning rate, whether to step, scale, steps: an update that is not skipped.
    static UpdateControl Control(WorkloadMemory m, Device device)
    {
        UpdateControl control = m.Own(new UpdateControl(device));
        control.Values.CopyFrom<double>([0.1, 1, 1, 1, 0, 1]);
        return control;
    }

    // The arena takes the parameter over.
    sealed class OneParameter : Module
    {
        public OneParameter(int count, Device device) => Register("weight", new Parameter(Tensor.Persistent([count], DType.Float32, device)));

        protected override Tensor Forward(Tensor x) => x;
    }
}
