namespace PerturbedForgetting.Tensors.Catalogue;

static partial class OperationCatalogue
{
    static readonly Shape[] counts = [[1], [31], [32], [33], [1023], [1025], [8 * 50 * 384]];

    static readonly Shape large = [37, 2111];

    static IEnumerable<Operation> Elementwise() =>
    [
        Map("Add", x => Ops.Add(x[0], x[1]), inputs: 2) with
        {
            Workloads = [new("tensor", Squares, new KernelLaunch("elementwise_add", 8, 4))],
        },
        Map("Sub", x => Ops.Sub(x[0], x[1]), inputs: 2),
        Map("Mul", x => Ops.Mul(x[0], x[1]), inputs: 2),
        Map("Scale", x => Ops.Scale(x[0], -2.5)) with
        {
            Workloads = [new("tensor", side => Squares(side)[..1], new KernelLaunch("elementwise_scale", 4, 4))],
        },
        Map("Scale by what is no power of two", x => Ops.Scale(x[0], 0.3f)),
        Map("ScaleBy", ScaleBy) with { Gradient = GradientKind.None },
        Map("Relu", x => Ops.Relu(x[0])) with { Workloads = [new("nn", Activations, new("relu", 4, 4), Back("relu_backward", 8, 4))] },
        // Both devices evaluate the same polynomials, with other roundings.
        Map("Sigmoid", x => Ops.Sigmoid(x[0])) with
        {
            Forward = Within(6e-7, 6e-7),
            Backward = [Within(1e-6, 2e-6)],
            Workloads = [new("nn", Activations, new("sigmoid", 4, 4), Back("sigmoid_backward", 8, 4))],
        },
        Map("Gelu", x => Ops.Gelu(x[0])) with
        {
            Forward = Within(6e-7, 6e-7),
            Backward = [Within(1e-6, 2e-6)],
            Workloads = [new("nn", Activations, new("gelu", 4, 4), Back("gelu_backward", 8, 4))],
        },
        Map("Dropout", x => Ops.Dropout(x[0], 0.1, true, Masks())) with
        {
            Workloads = [new("nn", Activations, new KernelLaunch("dropout", 4, 4))],
        },
        .. new[] { 0.3, 0.5, 1 }.Select(p =>
            Map($"Dropout with p = {p}", x => Ops.Dropout(x[0], p, true, Masks())) with { HidesNaN = p == 1 }),
        Bias("AddBroadcast", columns => [columns]) with
        {
            Shared = [[37, 2, 1055], [1055]],
            Workloads =
            [
                new("nn", side => [.. Activations(side), [384]],
                    new("add_broadcast", 4, 4) { Again = 0.5 }, Back("sum_leading", 4, 0) with { Again = 0.1 }),
            ],
        },
        Bias("AddBroadcast of leading ones", columns => [1, 2, columns]) with { Shared = [[4000, 2, 21], [1, 2, 21]] },
    ];

    /// <summary>Inputs of one shape.</summary>
    static Operation Map(string name, Func<Tensor[], Tensor> run, int inputs = 1) =>
        new(name, run, [.. new[] { 1, 3, 8, 19 }.Select(n => Enumerable.Repeat<Shape>([2, n], inputs).ToArray())])
        {
            Edges = [.. counts.Select(shape => Enumerable.Repeat(shape, inputs).ToArray())],
            Shared = [.. Enumerable.Repeat(large, inputs)],
            Leading = Operation.EveryElement,
        };

    static Operation Bias(string name, Func<int, Shape> bias)
    {
        return new Operation(name, x => Ops.AddBroadcast(x[0], x[1]), [.. new[] { 1, 3, 8, 19 }.Select(n => Sizes(3, n))])
        {
            Edges = [Sizes(1, 1), Sizes(31, 33), Sizes(1025, 7), Sizes(400, 64), Sizes(2, 1025)],
            Leading = Operation.EveryElement,
            Channels = true,
            Backward = [Within(0, 0), s => Tolerance.Sum(s[0].Count / s[1].Count)],
        };

        Shape[] Sizes(int rows, int columns) => [[rows, 2, columns], bias(columns)];
    }

    static Tensor ScaleBy(Tensor[] x)
    {
        Tensor y = x[0].EmptyLike();
        x[0].Backend.ScaleBy(x[0], Vector(x[0], 1, -1.7), y);
        return y;
    }
}
