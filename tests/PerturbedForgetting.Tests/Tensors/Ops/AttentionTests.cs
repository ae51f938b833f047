using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tests.Reference;

namespace PerturbedForgetting.Tests.Tensors.OpsTests;

[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Names)), NonParallelizable]
sealed class AttentionTests(string device) : DeviceFixture(device)
{
    static IEnumerable<ReferenceCase> Cases() => ReferenceData.Cases("ops", "attention");

    [TestCaseSource(nameof(Cases))]
    public void CompositeEqualsTheReference(ReferenceCase c) => ReferenceOps.Check(c, x => Block(c, x, Composite));

    [TestCaseSource(nameof(Cases))]
    public void FusedEqualsTheReference(ReferenceCase c) => ReferenceOps.Check(c, x => Block(c, x, Ops.Attention));

    [Test]
    public void EveryReferenceCaseRuns() => Assert.That(Cases().Count(), Is.EqualTo(5));

    /// <summary>The attention block of the reference: projection, attention, projection. Normalised queries and keys are put together again
    /// for the fused form.</summary>
    static Tensor Block(ReferenceCase c, IReadOnlyDictionary<string, Tensor> x, Func<Tensor, int, double, Tensor> attention)
    {
        int heads = (int)c.Number("heads", 0);
        Tensor qkv = Ops.Linear(x["x"], x["param.qkv.weight"], x.GetValueOrDefault("param.qkv.bias"));
        if (c.Flag("qk_norm", false))
        {
            (int batch, int tokens, int channels) = (qkv.Shape[0], qkv.Shape[1], qkv.Shape[2] / 3);
            Tensor[] parts = Enumerable.Range(0, 3).Select(i => Ops.Slice(qkv, 2, i * channels, channels)).ToArray();
            for (int i = 0; i < 2; i++)
            {
                string norm = i == 0 ? "param.q_norm." : "param.k_norm.";
                Tensor split = Ops.Reshape(parts[i], [batch, tokens, heads, channels / heads]);
                parts[i] = Ops.Reshape(Ops.LayerNorm(split, x[norm + "weight"], x[norm + "bias"], 1e-6), [batch, tokens, channels]);
            }
            qkv = Ops.Concat(2, parts);
        }
        return Ops.Linear(attention(qkv, heads, c.Number("scale", double.NaN)), x["param.proj.weight"], x["param.proj.bias"]);
    }

    static Tensor Composite(Tensor qkv, int heads, double scale)
    {
        (int batch, int tokens, int channels) = (qkv.Shape[0], qkv.Shape[1], qkv.Shape[2] / 3);
        Tensor split = Ops.Permute(Ops.Reshape(qkv, [batch, tokens, 3, heads, channels / heads]), 2, 0, 3, 1, 4);
        Tensor scores = Ops.MatMul(scale * Ops.Select(split, 0, 0), Ops.Select(split, 0, 1), transposeB: true);
        Tensor y = Ops.MatMul(Ops.Softmax(scores), Ops.Select(split, 0, 2));
        return Ops.Reshape(Ops.Permute(y, 0, 2, 1, 3), [batch, tokens, channels]);
    }

    static readonly int[][] Sizes =
    [
        [2, 1, 2, 8], [1, 17, 3, 8], [2, 49, 1, 64], [1, 50, 6, 64], [1, 64, 2, 128], [1, 196, 2, 64], [1, 197, 3, 40], [3, 5, 2, 9],
            [1, 300, 1, 16], [2, 2, 1, 1],
    ];

    [TestCaseSource(nameof(Sizes))]
    public void FusedEqualsComposite(int batch, int tokens, int heads, int width)
    {
        using var scope = Scope.Begin();
        double scale = 1 / Math.Sqrt(width);
        Shape shape = [batch, tokens, 3 * heads * width];
        foreach (DType type in TestDevices.FloatTypes)
        {
            using Parameter fused = OpsTesting.Normal(shape, 7, type, 2), composite = OpsTesting.Normal(shape, 7, type, 2);
            Tensor y = Ops.Attention(fused, heads, scale), expected = Composite(composite, heads, scale);
            using Parameter upstream = OpsTesting.Normal(y.Shape, 8, type);
            y.Backward(upstream);
            expected.Backward(upstream);
            RequireClose(y, expected, "y");
            RequireClose(fused.Grad!, composite.Grad!, "gradient");
            fused.Grad!.Dispose();
            composite.Grad!.Dispose();
        }
    }

    static void RequireClose(Tensor actual, Tensor expected, string what)
    {
        double[] numbers = OpsTesting.Numbers(expected);
        // In float32 each of the two may be 4e-6 of the largest element from the exact result, as in the reference cases.
        double tolerance = (actual.DType == DType.Float32 ? 8e-6 : 1e-14) * numbers.Max(Math.Abs) + 1e-15;
        Assert.That(OpsTesting.Numbers(actual), Is.EqualTo(numbers).Within(tolerance), $"{what} in {actual.DType}");
    }

    /// <summary>Scores far beyond the range of exp, as trained networks make them.</summary>
    [Test]
    public void LargeScoresAreSafe()
    {
        using var scope = Scope.Begin();
        using Parameter x = OpsTesting.Normal([2, 50, 3 * 64], 4, factor: 100);
        Tensor y = Ops.Attention(x, 1, 0.125);
        y.Backward(y);
        Assert.That(y.ToArray<float>(), Is.All.Matches<float>(float.IsFinite));
        Assert.That(x.Grad!.ToArray<float>(), Is.All.Matches<float>(float.IsFinite));
        x.Grad.Dispose();
    }

    // Batch, tokens, heads, width: a token alone, one more than tiles of 32 and 64 rows and than the CPU's blocks, odd everything.
    static readonly int[][] SmallSizes = [[1, 17, 1, 8], [1, 1, 1, 8], [2, 33, 2, 8], [1, 65, 1, 64], [1, 129, 1, 12], [3, 50, 2, 5]];

    /// <summary>
    /// A factor on the inputs is its square on the scores, which reach the thousands: probabilities that the backward pass computes again
    /// still sum to one, and their errors stay those of the scores. The tolerance is the rule of the reference cases: eight times what the
    /// operations one by one err by in float32 (in one of four orders of a score's terms: it is luck, too), 4e-6 of the largest number of
    /// the result and 5e-7 of that of the gradient.
    /// </summary>
    [Test]
    public void LargeScoresKeepTheirDigits([ValueSource(nameof(SmallSizes))] int[] size, [Values(1, 2, 4, 8, 16, 32)] int factor)
    {
        var run = new AttentionRun(size, factor);
        var exact = run.On(Device.Cpu, DType.Float64, Ops.Attention);
        var fused = run.On(Device, DType.Float32, Ops.Attention);
        var steps = Enumerable.Range(0, 4).Select(turn => run.On(Device.Cpu, DType.Float32, Composite, turn)).ToArray();
        for (int part = 0; part < exact.Length; part++)
        {
            double largest = exact[part].Max(Math.Abs), ofGradients = part == 0 ? 0 : exact[1..].Max(static g => g.Max(Math.Abs));
            double ofSteps = steps.Max(s => Deviation.Max(s[part], exact[part]));
            double tolerance = Math.Max(8 * ofSteps, Math.Max(4e-6 * largest, 5e-7 * ofGradients));
            Assert.That(Deviation.Max(fused[part], exact[part]), Is.LessThanOrEqualTo(tolerance), AttentionRun.Parts[part]);
        }
    }

    [Test]
    public void WrongShapesAreNamed()
    {
        using var scope = Scope.Begin();
        Assert.That(() => Ops.Attention(Zeros([1, 2, 12]), 3, 1),
            Throws.InstanceOf<ArgumentException>().With.Message.Contains("3 heads").And.Message.Contains("[1, 2, 12]"));
        Assert.That(() => Ops.Attention(Zeros([2, 12]), 2, 1), Throws.InstanceOf<ArgumentException>());
        Assert.That(() => Ops.Attention(Zeros([1, 2, 12]), 2, 0), Throws.InstanceOf<ArgumentException>().With.Message.Contains("scale"));
    }
}
