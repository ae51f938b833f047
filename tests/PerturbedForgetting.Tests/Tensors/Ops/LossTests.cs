using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tests.Reference;

namespace PerturbedForgetting.Tests.Tensors.OpsTests;

[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Names)), NonParallelizable]
sealed class LossTests(string device) : DeviceFixture(device)
{
    static IEnumerable<ReferenceCase> Cases(string op) => ReferenceData.Cases("ops", op);

    [TestCaseSource(nameof(Cases), ["cross_entropy"])]
    public void CrossEntropyEqualsTheReference(ReferenceCase c) =>
        ReferenceOps.Check(c, x => Ops.CrossEntropy(x["x"], OpsTesting.Labels(x["target"]), c.Number("label_smoothing", double.NaN)));

    [TestCaseSource(nameof(Cases), ["bce_loss"])]
    public void BinaryCrossEntropyEqualsTheReference(ReferenceCase c) =>
        ReferenceOps.Check(c, x => Ops.BinaryCrossEntropy(x["x"],
            x.TryGetValue("dense_target", out Tensor? dense) ? dense : OpsTesting.Labels(x["target"]), c.Number("smoothing", double.NaN),
            Reduction(c)));

    [TestCaseSource(nameof(Cases), ["output_bias_forget"])]
    public void OutputBiasForgetEqualsTheReference(ReferenceCase c) =>
        ReferenceOps.Check(c, x => Ops.OutputBiasForget(x["x"], OpsTesting.Labels(x["target"]),
            c.Number("C", double.NaN), c.Number("gamma", double.NaN), c.Flag("sigmoid", false)));

    /// <summary>Numbers of classes around a vector and around those from which on samples go one by one, against float64.</summary>
    [Test]
    public void CrossEntropyOfAnyShapeEqualsDoublePrecision([Values(1, 2, 7, 8, 10, 33, 100, 128, 129, 300)] int classes,
        [Values(1, 8, 19)] int samples, [Values(0, 0.1)] double smoothing)
    {
        using var scope = Scope.Begin();
        Tensor x = GradientCheck.Normal([samples, classes], 3, device: Device), gradient = x.EmptyLike(), loss = Empty([]),
            alone = Empty([]);
        int[] labels = [.. Enumerable.Range(0, samples).Select(i => i * 7 % classes)];
        x.Backend.CrossEntropy(x, From<int>(labels, [samples]), smoothing, loss, gradient);
        x.Backend.CrossEntropy(x, From<int>(labels, [samples]), smoothing, alone, null);
        double[] logits = OpsTesting.Numbers(x), expected = new double[logits.Length];
        double sum = 0;
        for (int i = 0; i < samples; i++)
        {
            double[] row = logits[(i * classes)..((i + 1) * classes)];
            double log = Math.Log(row.Sum(Math.Exp));
            for (int k = 0; k < classes; k++)
            {
                double target = (smoothing / classes) + (k == labels[i] ? 1 - smoothing : 0);
                sum += target * (log - row[k]);
                expected[(i * classes) + k] = (Math.Exp(row[k] - log) - target) / samples;
            }
        }
        Assert.That(OpsTesting.Numbers(loss)[0], Is.EqualTo(sum / samples).Within(1e-6));
        Assert.That(OpsTesting.Numbers(alone), Is.EqualTo(OpsTesting.Numbers(loss)));
        Assert.That(OpsTesting.Numbers(gradient), Is.EqualTo(expected).Within(1e-6 / samples));
    }

    [TestCase("cross_entropy", 14)]
    [TestCase("bce_loss", 61)]
    [TestCase("output_bias_forget", 224)]
    public void EveryReferenceCaseRuns(string op, int count) => Assert.That(Cases(op).Count(), Is.EqualTo(count));

    static LossReduction Reduction(ReferenceCase c) =>
        Enum.Parse<LossReduction>(c.Config.GetProperty("reduction").GetString()!.Replace("_", ""), ignoreCase: true);

    /// <summary>The gradient is that of (1 - alpha) CE(p, label) - CE(p, uniform) with alpha and p constant: the paper's form.</summary>
    [Test]
    public void OutputBiasForgetIsThePapersForm([Values(-1, 1.5, 10)] double c, [Values(0, 0.3, 1)] double gamma)
    {
        using var scope = Scope.Begin();
        // In float32 the criterion of the reference cases.
        using Parameter x = OpsTesting.Normal([4, 9], 17, TestDevices.FloatTypes[^1], 3);
        int[] labels = [0, 8, 3, 3];
        Ops.OutputBiasForget(x, From<int>(labels, [4]), c, gamma, sigmoid: false).Backward();
        double[] gradient = OpsTesting.Numbers(x.Grad!), p = OpsTesting.Numbers(Ops.Softmax(x.Detach()));
        double tolerance = x.DType == DType.Float64 ? 1e-14 : 4e-6;
        for (int i = 0; i < 4; i++)
        {
            double own = p[(i * 9) + labels[i]], lambda = c < 0 ? 0 : 1 / c;
            double alpha = gamma * Math.Max(0, (1 - (lambda / own)) / (1 - lambda));
            for (int k = 0; k < 9; k++)
            {
                double pk = p[(i * 9) + k], onehot = k == labels[i] ? 1 : 0;
                double expected = (((1 - alpha) * (pk - onehot)) - (pk - (1 / 9.0))) / 4;
                Assert.That(gradient[(i * 9) + k], Is.EqualTo(expected).Within(tolerance));
            }
        }
        x.Grad!.Dispose();
    }

    [Test]
    public void WithoutGradientsTheValueIsTheSame()
    {
        using var scope = Scope.Begin();
        using Parameter x = OpsTesting.Normal([7, 101], 3, factor: 5);
        Tensor labels = From([0, 100, 50, 3, 4, 5, 99], [7]);
        foreach (Func<Tensor> loss in Losses(x, labels))
        {
            double recorded = loss().Item();
            using var noGrad = GradMode.NoGrad();
            Assert.That(loss().Item(), Is.EqualTo(recorded));
        }
    }

    [Test]
    public void NotANumberIsNotHidden([Values(0, 4, 9)] int where)
    {
        using var scope = Scope.Begin();
        float[] values = new float[20];
        values[where] = float.NaN;
        using Parameter x = new(Persistent([2, 10]).CopyFrom<float>(values));
        foreach (Func<Tensor> loss in Losses(x, From([4, 1], [2])))
            Assert.That(loss().Item(), Is.NaN);
    }

    [TestCase(-1)]
    [TestCase(10)]
    [TestCase(int.MaxValue)]
    [TestCase(int.MinValue)]
    public void ALabelThatIsNoClassIsNamed(int label)
    {
        using var scope = Scope.Begin();
        Tensor x = Zeros([3, 10]), labels = From([0, label, 5], [3]);
        foreach (Func<Tensor> loss in Losses(x, labels))
            Assert.That(() => loss(), Throws.InstanceOf<ArgumentException>().With.Message.Contains($"label {label} of sample 1")
                .And.Message.Contains("10 classes"));
    }

    /// <summary>Labels that count from 1.</summary>
    [Test]
    public void LabelsFromOneAreRecognised()
    {
        using var scope = Scope.Begin();
        Assert.That(() => Ops.CrossEntropy(Zeros([2, 10]), From([1, 10], [2])),
            Throws.InstanceOf<ArgumentException>().With.Message.Contains("count from 1"));
    }

    [Test]
    public void WrongShapesAreNamed()
    {
        using var scope = Scope.Begin();
        Tensor x = Zeros([3, 10]);
        foreach (Tensor labels in new[] { Zeros([2], DType.Int32), Zeros([3], DType.Int64), Zeros([3, 1], DType.Int32) })
            Assert.That(() => Ops.CrossEntropy(x, labels), Throws.InstanceOf<ArgumentException>().With.Message.Contains("[3, 10]"));
        Assert.That(() => Ops.CrossEntropy(Zeros([0, 10]), Zeros([0], DType.Int32)), Throws.InstanceOf<ArgumentException>());
        Assert.That(() => Ops.BinaryCrossEntropy(x, Zeros([3, 9])), Throws.InstanceOf<ArgumentException>().With.Message.Contains("[3, 9]"));
        Assert.That(() => Ops.CrossEntropy(x, Zeros([3], DType.Int32), 1),
            Throws.InstanceOf<ArgumentException>().With.Message.Contains("smoothing"));
    }

    [TestCase(0)]
    [TestCase(1)]
    [TestCase(0.5)]
    [TestCase(double.NaN)]
    [TestCase(double.PositiveInfinity)]
    public void OutputBiasForgetRefusesC(double c)
    {
        using var scope = Scope.Begin();
        Assert.That(() => Ops.OutputBiasForget(Zeros([1, 3]), Zeros([1], DType.Int32), c, 1),
            Throws.InstanceOf<ArgumentException>().With.Message.Contains("`c`"));
    }

    [TestCase(-0.1)]
    [TestCase(1.01)]
    [TestCase(double.NaN)]
    public void OutputBiasForgetRefusesGamma(double gamma)
    {
        using var scope = Scope.Begin();
        Assert.That(() => Ops.OutputBiasForget(Zeros([1, 3]), Zeros([1], DType.Int32), 10, gamma),
            Throws.InstanceOf<ArgumentException>().With.Message.Contains("`gamma`"));
    }

    static Func<Tensor>[] Losses(Tensor x, Tensor labels) =>
    [
        () => Ops.CrossEntropy(x, labels, 0.1),
        () => Ops.BinaryCrossEntropy(x, labels),
        () => Ops.OutputBiasForget(x, labels, 10, 1),
        () => Ops.OutputBiasForget(x, labels, 10, 1, sigmoid: false),
    ];
}
