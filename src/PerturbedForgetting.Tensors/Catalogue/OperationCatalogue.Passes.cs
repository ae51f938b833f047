using PerturbedForgetting.Tensors.MultiTensor;

namespace PerturbedForgetting.Tensors.Catalogue;

static partial class OperationCatalogue
{
    /// <summary>Passes over an arena of one parameter: the first input is the weights, the others are buffers beside them.</summary>
    static IEnumerable<Operation> Passes() =>
    [
        Pass("SquaredNorm", new("squared_norm", 4, 0), 2, p =>
        {
            Tensor sum = p.Numbers(0);
            MultiTensorOps.SquaredNorm(p.Layout, p.Buffers[0], Weighting.None, sum);
            return [sum];
        }) with { Forward = Within(1e-6, 0) },
        Pass("Products", new("products", 8, 0), 3, p =>
        {
            Tensor sums = p.Numbers(0, 0, 0);
            MultiTensorOps.Products(p.Layout, p.Buffers[0], p.Buffers[1], Weighting.None, sums);
            return [sums];
        }) with { Forward = s => new(1e-6, 1e-12 * s[0].Count) },
        Pass("StepAlong", new("step_along", 8, 4), 2, p =>
        {
            Tensor moved = p.NewBuffer();
            MultiTensorOps.StepAlong(p.Layout, p.Buffers[0], Weighting.None, p.Numbers(2), p.Numbers(0.05), 1, moved);
            return [moved];
        }),
        Pass("Lerp", new("lerp", 8, 4), 2, p =>
        {
            MultiTensorOps.Lerp(p.Layout, p.Weights, p.Buffers[0], p.Numbers(0.1));
            return [p.Weights];
        }),
        Pass("Combine", new("combine", 4, 4), 2, p =>
        {
            Tensor combined = p.NewBuffer();
            MultiTensorOps.Combine(p.Layout, new(p.Buffers[0]), 0.5, accumulate: false, combined);
            return [combined];
        }),
        Pass("Accumulate", new("accumulate", 4, 8), 2, p =>
        {
            Tensor sum = p.Sums();
            MultiTensorOps.Accumulate(p.Layout, new(p.Buffers[0]), 0.5, accumulate: false, sum);
            return [sum];
        }),
        Pass("Narrow", new("narrow", 8, 4), 2, p =>
        {
            (Tensor sum, Tensor rounded) = (p.Sums(), p.NewBuffer());
            MultiTensorOps.Accumulate(p.Layout, new(p.Buffers[0]), 0.5, accumulate: false, sum);
            MultiTensorOps.Narrow(p.Layout, sum, rounded);
            return [rounded];
        }),
        Pass("SgdUpdate", new("sgd_update", 12, 8), 3, p =>
        {
            MultiTensorOps.SgdUpdate(p.Layout, new(p.Buffers[0]), p.Buffers[1], new SgdRule(0.9, true), p.Control);
            return [p.Weights, p.Buffers[1]];
        }),
        Pass("AdamUpdate", new("adam_update", 16, 12), 2, p =>
        {
            (Tensor first, Tensor second) = (p.NewBuffer(), p.NewBuffer().Fill(0.3));
            MultiTensorOps.AdamUpdate(p.Layout, new(p.Buffers[0]), first, second, new AdamRule(0.9, 0.999, 1e-3, true), p.Control);
            return [p.Weights, first, second];
        }),
        // Made in float64 and rounded once: another logarithm, sine and cosine may change the last bit.
        Pass("FillNormal", new("fill_normal", 0, 4), 1, p =>
        {
            Tensor normal = p.NewBuffer();
            MultiTensorOps.FillNormal(p.Layout, normal, 3, 4);
            return [normal];
        }) with { HidesNaN = true, Forward = Within(1.2e-7, 0) },
    ];

    // The CPU rounds products that the kernels do not: a unit or two in the last place of the terms, which are at most 4.
    static Operation Pass(string name, KernelLaunch launch, int inputs, Func<ArenaPass, Tensor[]> run)
    {
        return new Operation(name, Run, Flat(1), Flat(31))
        {
            Edges = [Flat(33), Flat(1025), Flat(40_001)],
            Shared = Flat(300_001),
            Gradient = GradientKind.None,
            Forward = Within(2.4e-7, 5e-7),
            Workloads = [new("multi_tensor", side => Flat(4 * MultiTensorLayout.TileLength * side * side), launch with { Again = 0.01 })],
        };

        Shape[] Flat(int count) => [.. Enumerable.Repeat(new Shape(count), inputs)];

        Tensor Run(Tensor[] x)
        {
            using var pass = new ArenaPass(x);
            return pass.Results(run(pass));
        }
    }
}
