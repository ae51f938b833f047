namespace PerturbedForgetting.Tensors.Catalogue;

static partial class OperationCatalogue
{
    static IEnumerable<Operation> Losses() =>
    [
        Loss("CrossEntropy", x => Ops.CrossEntropy(x[0], Labels(x[0]))),
        Loss("CrossEntropy, smoothed", x => Ops.CrossEntropy(x[0], Labels(x[0]), 0.1)) with { Workloads = [Usual("cross_entropy")] },
        .. Enum.GetValues<LossReduction>().SelectMany(reduction => new[] { 0, 0.1 }.Select(smoothing =>
            Loss($"BinaryCrossEntropy, {reduction}, smoothing {smoothing}",
                x => Ops.BinaryCrossEntropy(x[0], Labels(x[0]), smoothing, reduction), isElementwise: true) with
            {
                Workloads = reduction == LossReduction.Mean && smoothing > 0 ? [Usual("binary_cross_entropy")] : [],
            })),
        Loss("BinaryCrossEntropy of targets", x => Ops.BinaryCrossEntropy(x[0], Targets(x[0])), isElementwise: true),
        .. new[] { true, false }.SelectMany(sigmoid => new[] { -1, 1.5, 10, 1000 }.Select(c =>
            Loss($"OutputBiasForget, {(sigmoid ? "sigmoid" : "softmax")}, C = {c}",
                x => Ops.OutputBiasForget(x[0], Labels(x[0]), c, 0.7, sigmoid)) with
            {
                Small = [[[3, 2]], [[3, 8]], [[3, 13]]],
                Gradient = GradientKind.Defined,
                // The sigmoid form adds up as many terms of a logit's size as there are classes; its factor has the label's relative error.
                Forward = s => new(1e-6, 1e-6 * (sigmoid ? 3 + (0.4 * s[0][1]) : 6)),
                Backward = [s => new(3e-6, 3e-6 * (c > 0 ? c / (c - 1) : 1) / s[0][0])],
                Workloads = sigmoid && c == 10 ? [Usual("output_bias_forget")] : [],
            })),
    ];

    /// <summary>A batch of ImageNet.</summary>
    static KernelWorkload Usual(string kernel, double stored = 4) =>
        new("loss", side => [[128 * side * side, 1000]], new KernelLaunch(kernel, 4, stored) { Again = 0.02 });

    static Operation Loss(string name, Func<Tensor[], Tensor> run, bool isElementwise = false) =>
        new(name, run, [.. new Shape[] { [1, 2], [3, 1], [3, 2], [3, 8], [3, 13] }.Select(s => new[] { s })])
        {
            Edges = [.. new Shape[] { [3, 31], [2, 32], [5, 33], [128, 10], [3, 255], [3, 257], [2, 1025] }.Select(s => new[] { s })],
            Shared = [[128, 1000]],
            Leading = isElementwise ? Operation.EveryElement : 1,
            Forward = Within(1e-6, 4e-6),
            Backward = [Within(3e-6, 1e-6)],
        };

    static Tensor Targets(Tensor logits) => Vector(logits, (int)logits.Count, -0.7, 0.3).View(logits.Shape);

    static Tensor Labels(Tensor logits)
    {
        (int samples, int classes) = (logits.Shape[0], logits.Shape[1]);
        int[] labels = [.. Enumerable.Range(0, samples).Select(i => i == 1 ? classes - 1 : i * 7 % classes)];
        return Tensor.From(labels, [samples], logits.Device);
    }
}
