using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tests.Reference;

namespace PerturbedForgetting.Tests.Tensors.OpsTests;

[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Names)), NonParallelizable]
sealed class LayoutTests(string device) : DeviceFixture(device)
{
    static readonly Dictionary<string, Func<ReferenceCase, IReadOnlyDictionary<string, Tensor>, Tensor>> Operations = new()
    {
        ["flatten_transpose_concat_cls_add_pos"] = (_, x) => Tokens(x),
        ["token_mean"] = (c, x) => TokenMean(x["x"], (int)c.Number("num_prefix_tokens", 0)),
        ["token_first"] = (_, x) => Ops.Select(x["x"], 1, 0),
        ["qkv_split_concat"] = (c, x) => SplitAndConcat(x["x"], (int)c.Number("heads", 0)),
    };

    static IEnumerable<ReferenceCase> Cases() => Operations.Keys.SelectMany(op => ReferenceData.Cases("ops", op));

    [TestCaseSource(nameof(Cases))]
    public void EqualsTheReference(ReferenceCase c) => ReferenceOps.Check(c, x => Operations[c.Op](c, x));

    [Test]
    public void EveryReferenceCaseRuns() => Assert.That(Cases().Count(), Is.EqualTo(2 + 2 + 1 + 1));

    // The stored images are N,C,H,W; their order is changed inside the graph.
    static Tensor Tokens(IReadOnlyDictionary<string, Tensor> x)
    {
        Shape shape = x["x"].Shape;
        Tensor tokens = Ops.Reshape(Ops.Permute(x["x"], 0, 2, 3, 1), [shape[0], shape[2] * shape[3], shape[1]]);
        return Ops.EmbedTokens(tokens, x.GetValueOrDefault("cls_token"), x["pos_embed"]);
    }

    static Tensor TokenMean(Tensor x, int prefix) => Ops.Mean(Ops.Slice(x, 1, prefix, x.Shape[1] - prefix), 1);

    static Tensor SplitAndConcat(Tensor x, int heads)
    {
        (int batch, int tokens, int width) = (x.Shape[0], x.Shape[1], x.Shape[2] / 3 / heads);
        Tensor split = Ops.Permute(Ops.Reshape(x, [batch, tokens, 3, heads, width]), 2, 0, 3, 1, 4);
        return Ops.Concat(-1, Ops.Select(split, 0, 0), 2 * Ops.Select(split, 0, 1), 3 * Ops.Select(split, 0, 2));
    }

    static readonly Shape[] PermuteShapes =
        [[1], [5], [3, 7], [2, 1, 4], [17, 3, 33], [2, 3, 4, 5], [3, 1, 2, 1, 5, 2], [70, 19], [1, 1, 1]];

    [TestCaseSource(nameof(PermuteShapes))]
    public void PermuteMovesEveryElement(Shape shape)
    {
        using var scope = Scope.Begin();
        int[] axes = Enumerable.Range(0, shape.Rank).ToArray();
        foreach (int[] order in Orders(axes).Take(60))
        {
            CheckPermute(From<float>(Enumerable.Range(0, (int)shape.Count).Select(i => (float)i).ToArray(), shape), order);
            CheckPermute(From<int>(Enumerable.Range(0, (int)shape.Count).ToArray(), shape), order);
            // Elements of other sizes change their order on the CPU only.
            if (Device != Device.Cpu)
                continue;
            CheckPermute(From<double>(Enumerable.Range(0, (int)shape.Count).Select(i => (double)i).ToArray(), shape), order);
            CheckPermute(From<byte>(Enumerable.Range(0, (int)shape.Count).Select(i => (byte)i).ToArray(), shape), order);
        }
    }

    // Around a block in registers, a tile, and the tile that takes what is left.
    [TestCase(1, 7, 9), TestCase(1, 8, 8), TestCase(2, 9, 17), TestCase(3, 15, 31), TestCase(1, 16, 64), TestCase(2, 33, 65)]
    [TestCase(1, 8, 127), TestCase(1, 129, 23), TestCase(2, 197, 50), TestCase(1, 3, 300), TestCase(1, 300, 3), TestCase(2, 130, 1)]
    public void InnerAxesOfEverySizeAreTransposed(int outer, int rows, int columns)
    {
        using var scope = Scope.Begin();
        Shape shape = [outer, rows, columns];
        float[] values = [.. Enumerable.Range(0, (int)shape.Count).Select(i => (float)i)];
        CheckPermute(From(values, shape), [0, 2, 1]);
        CheckPermute(From(values, shape), [2, 1, 0]);
        CheckPermute(From(values, shape), [1, 0, 2]);
        CheckPermute(From<int>(Array.ConvertAll(values, v => (int)v | int.MinValue >> 8), shape), [0, 2, 1]);
    }

    static void CheckPermute(Tensor x, int[] order)
    {
        Tensor y = Ops.Permute(x, order);
        double[] from = Values(x), to = Values(y);
        int[] index = new int[order.Length], source = new int[order.Length];
        for (int i = 0; i < to.Length; i++)
        {
            for (int d = order.Length - 1, rest = i; d >= 0; d--)
                (rest, index[d]) = Math.DivRem(rest, y.Shape[d]);
            for (int d = 0; d < order.Length; d++)
                source[order[d]] = index[d];
            int flat = 0;
            for (int d = 0; d < order.Length; d++)
                flat = (flat * x.Shape[d]) + source[d];
            Assert.That(to[i], Is.EqualTo(from[flat]), $"{x.Shape} by ({string.Join(", ", order)}), element {i}");
        }
    }

    static double[] Values(Tensor x) => x.DType switch
    {
        DType.Float32 => Array.ConvertAll(x.ToArray<float>(), v => (double)v),
        DType.Float64 => x.ToArray<double>(),
        DType.Int32 => Array.ConvertAll(x.ToArray<int>(), v => (double)v),
        _ => Array.ConvertAll(x.ToArray<byte>(), v => (double)v),
    };

    static IEnumerable<int[]> Orders(int[] axes) => axes.Length == 0
        ? [[]]
        : axes.SelectMany(a => Orders([.. axes.Where(b => b != a)]).Select(rest => (int[])[a, .. rest]));

    [TestCase(1, 1, 1, 1, 1), TestCase(2, 8, 12, 3, 4), TestCase(3, 6, 9, 5, 3)]
    public void PatchesAreRowsOfTheirPixels(int images, int height, int width, int channels, int patch)
    {
        using var scope = Scope.Begin();
        float[] x = Enumerable.Range(0, images * height * width * channels).Select(i => (float)i).ToArray();
        float[] y = Ops.Patches(From<float>(x, [images, height, width, channels]), patch).ToArray<float>();
        int i = 0;
        for (int n = 0; n < images; n++)
            for (int row = 0; row < height; row += patch)
                for (int column = 0; column < width; column += patch)
                    for (int h = row; h < row + patch; h++)
                        for (int w = column; w < column + patch; w++)
                            for (int c = 0; c < channels; c++)
                                Assert.That(y[i++], Is.EqualTo(x[(((n * height) + h) * width + w) * channels + c]));
    }

    [Test]
    public void PatchesThatDoNotTileAreRefused()
    {
        using Tensor x = Zeros([1, 4, 6, 3]), tokens = Zeros([2, 3, 4]), positions = Zeros([1, 3, 4]), token = Zeros([1, 1, 4]);
        Assert.That(() => Ops.Patches(x, 4), Throws.ArgumentException.With.Message.Contains("4").And.Message.Contains("[1, 4, 6, 3]"));
        Assert.That(() => Ops.EmbedTokens(tokens, token, positions), Throws.ArgumentException.With.Message.Contains("[1, 4, 4]"));
        Assert.That(() => Ops.EmbedTokens(tokens, positions, positions), Throws.ArgumentException.With.Message.Contains("class token"));
    }

    /// <summary>The GPU divides; the CPU multiplies by the rounded inverse.</summary>
    [TestCase(1, 1, 1), TestCase(3, 49, 33), TestCase(5, 31, 1), TestCase(2, 1025, 1), TestCase(8, 50, 384)]
    public void TheGradientOfAMeanIsAnEqualShare(int outer, int n, int inner)
    {
        using var scope = Scope.Begin();
        Tensor dy = GradientCheck.Normal([outer, inner], 1), dx = Empty([outer, n, inner]);
        dy.Backend.MeanBackward(dy, 1, dx);
        float[] share = dy.ToArray<float>(), actual = dx.ToArray<float>();
        double[] expected = [.. Enumerable.Range(0, actual.Length).Select(i => (double)(share[(i / inner / n * inner) + (i % inner)] / n))];
        Assert.That(actual.Select(static v => (double)v), Is.EqualTo(expected).Within(Device == Device.Cpu
            ? 1.2e-7 * expected.Max(Math.Abs)
            : 0));
    }

    [Test]
    public void ReshapeCopiesNothing()
    {
        using Tensor x = Zeros([2, 3]);
        Assert.That(Ops.Reshape(x, [6]).Address, Is.EqualTo(x.Address));
        Assert.That(() => Ops.Reshape(x, [5]), Throws.InstanceOf<ArgumentException>().With.Message.Contains("[2, 3]")
            .And.Message.Contains("[5]"));
    }

    [Test]
    public void WhatIsNotThereIsRefused()
    {
        using var scope = Scope.Begin();
        Tensor x = Zeros([2, 3]);
        Assert.That(() => Ops.Slice(x, 1, 2, 2), Throws.InstanceOf<ArgumentException>().With.Message.Contains("[2, 3]"));
        Assert.That(() => Ops.Slice(x, 1, -1, 2), Throws.InstanceOf<ArgumentException>());
        Assert.That(() => Ops.Slice(x, 1, 0, -1), Throws.InstanceOf<ArgumentException>());
        Assert.That(() => Ops.Select(x, 0, 2), Throws.InstanceOf<ArgumentException>());
        Assert.That(() => Ops.Select(x, 2, 0), Throws.InstanceOf<ArgumentException>());
        Assert.That(() => Ops.Permute(x, 0, 0), Throws.InstanceOf<ArgumentException>().With.Message.Contains("(0, 0)"));
        Assert.That(() => Ops.Permute(x, 0), Throws.InstanceOf<ArgumentException>());
        Assert.That(() => Ops.Concat(0, x, Zeros([2, 4])), Throws.InstanceOf<ArgumentException>().With.Message.Contains("[2, 4]"));
        Assert.That(() => Ops.Concat(0), Throws.InstanceOf<ArgumentException>());
        Assert.That(() => Ops.Expand(x, 2), Throws.InstanceOf<ArgumentException>());
        Assert.That(() => Ops.Mean(Zeros([2, 0]), 1), Throws.InstanceOf<ArgumentException>());
    }
}
