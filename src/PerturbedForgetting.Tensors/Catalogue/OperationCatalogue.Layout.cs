namespace PerturbedForgetting.Tensors.Catalogue;

static partial class OperationCatalogue
{
    static IEnumerable<Operation> Layout() =>
    [
        new("Reshape", x => Ops.Reshape(x[0], [(int)x[0].Count / 2, 2]), [[2, 6]]),
        Order([1, 0], [[1, 1], [31, 33], [64, 96], [3, 5]]) with
        {
            Workloads = [new("tensor", side => [[512 * side, 512 * side]], new KernelLaunch("permute_transpose", 4, 4))],
        },
        Order([0, 2, 1], [[3, 65, 7], [2, 3, 5]]) with { Shared = [[3, 197, 211]], Leading = 1 },
        Order([2, 0, 1], [[5, 4, 3], [2, 3, 5]]),
        Order([-1, 1, 0], [[2, 3, 5]]),
        Order([0, 2, 1, 3], [[2, 17, 3, 16], [2, 2, 3, 1]]) with { Leading = 1, Channels = true },
        Order([5, 3, 0, 2, 4, 1], [[2, 3, 4, 5, 2, 3], [1, 2, 1, 2, 3, 1]]),
        new("Concat", x => Ops.Concat(1, x[0], x[1], x[0]), [[2, 3, 2], [2, 1, 2]]) { Leading = 1, Channels = true },
        new("Concat of one", x => Ops.Concat(0, x[0]), [[4]]) { Leading = Operation.EveryElement },
        new("Concat of a class token", x => Ops.Concat(1, Ops.Expand(x[1], x[0].Shape[0]), x[0]), [[3, 2, 4], [1, 1, 4]])
        {
            Shared = [[20, 49, 192], [1, 1, 192]],
            Leading = 1,
            Channels = true,
            Backward = [Within(0, 0), Within(1e-6, 1e-6)],
        },
        new("Slice", x => Ops.Slice(x[0], 1, 1, x[0].Shape[1] - 2), [[2, 4, 3]]) { Shared = [[9, 197, 111]], Leading = 1, Channels = true },
        new("Slice of rows", x => Ops.Slice(x[0], 0, 1, 2), [[4, 4]]) { Edges = [[[4, 3]]], Channels = true },
        new("Slice twice", x => Ops.Slice(x[0], -1, 0, 3) + Ops.Slice(x[0], -1, 1, 3), [[2, 4]]) { Leading = 1 },
        new("Select", x => Ops.Select(x[0], 1, 2) * Ops.Select(x[0], 1, 0), [[2, 3, 4]]) { Leading = 1, Channels = true },
        new("Select of a row", x => Ops.Select(x[0], 0, 1), [[2, 4]]) { Edges = [[[2, 3]]], Channels = true },
        Average(1, [[2, 3, 4], [3, 49, 33], [5, 31, 1], [8, 50, 96]]) with { Shared = [[9, 197, 111]], Leading = 1, Channels = true },
        Average(-1, [[2, 9], [2, 1025], [3, 1]]) with { Leading = -1 },
        Average(0, [[5]]),
        new("Sum", x => Ops.Sum(x[0]), [[2, 1]], [[2, 19]])
        {
            Edges = [.. counts.Select(shape => new[] { shape })],
            Shared = [large],
            // The CPU rounds running sums of order √i, evenly: six standard deviations of 2⁻²⁴ n / √6.
            Forward = s => new(1.2e-6, Math.ScaleB(Math.Sqrt(6) * s[0].Count, -24)),
            Workloads = [new("tensor", side => Squares(side)[..1], new KernelLaunch("reduce_sum", 4, 0))],
        },
        new("Expand", x => Ops.Expand(x[0], 4), [[1, 3]], [[1, 2, 3]]) { Channels = true, Backward = [Within(1e-6, 1e-6)] },
        new("Expand to one", x => Ops.Expand(x[0], 1), [[1, 2, 3]]) { Channels = true, Backward = [Within(1e-6, 1e-6)] },
        Tokens(hasClassToken: true) with { Shared = [[20, 49, 192], [1, 50, 192], [1, 1, 192]] },
        Tokens(hasClassToken: false),
        new("Patches", x => Ops.Patches(x[0], 1), [[1, 2, 3, 1]]) { Leading = 1 },
        new("Patches of 2 x 2", x => Ops.Patches(x[0], 2), [[2, 4, 6, 3]]) { Leading = 1 },
        new("Patches of 3 x 3", x => Ops.Patches(x[0], 3), [[3, 6, 9, 5]]) { Leading = 1 },
        new("Patches of 4 x 4", x => Ops.Patches(x[0], 4), [[2, 8, 12, 3]]) { Leading = 1 },
        new("Patches of 7 x 7", x => Ops.Patches(x[0], 7), [[1, 7, 14, 1]]) { Shared = [[5, 56, 63, 3]], Leading = 1 },
        new("Patches of 16 x 16", x => Ops.Patches(x[0], 16), [[1, 32, 16, 1]])
        {
            Edges = [[[1, 64, 32, 3]]],
            Leading = 1,
            Workloads = [new("nn", side => [[4 * side * side, 64, 64, 3]], new KernelLaunch("patches", 4, 4))],
        },
    ];

    static Operation Order(int[] axes, params Shape[] shapes) =>
        new($"Permute by ({string.Join(", ", axes)})", x => Ops.Permute(x[0], axes), Small(shapes)) { Edges = Edges(shapes) };

    static Shape[][] Small(Shape[] shapes) => [.. shapes.Where(static s => s.Count <= MostSmall).Select(static s => new[] { s })];

    static Shape[][] Edges(Shape[] shapes) => [.. shapes.Where(static s => s.Count > MostSmall).Select(static s => new[] { s })];

    // n additions of numbers of order one, each rounded to 2^-24 of the running sum.
    static Operation Average(int axis, params Shape[] shapes) =>
        new($"Mean over {axis}", x => Ops.Mean(x[0], axis), Small(shapes))
        {
            Edges = Edges(shapes),
            Forward = s => new(0, 6e-8 * 4 * Math.Sqrt(s[0][axis])),
            // One divides, the other multiplies by the rounded inverse.
            Backward = [Within(1.2e-7, 0)],
        };

    static Operation Tokens(bool hasClassToken)
    {
        string name = hasClassToken ? "EmbedTokens" : "EmbedTokens without a class token";
        return new Operation(name, x => Ops.EmbedTokens(x[0], hasClassToken ? x[2] : null, x[1]), Sizes(3, 2, 5), Sizes(2, 1, 3))
        {
            Edges = [Sizes(3, 1, 1), Sizes(3, 49, 33), Sizes(3, 1, 192), Sizes(3, 49, 192)],
            Leading = 1,
            Channels = true,
            Backward = [Within(0, 0), Within(1e-6, 1e-6)],
        };

        Shape[] Sizes(int images, int tokens, int channels) => hasClassToken
            ? [[images, tokens, channels], [1, tokens + 1, channels], [1, 1, channels]]
            : [[images, tokens, channels], [1, tokens, channels]];
    }
}
