using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends;
using PerturbedForgetting.Tests.Reference;
using PerturbedForgetting.Tests.Tensors.OpsTests;

namespace PerturbedForgetting.Tests.Cuda.Kernels;

/// <summary>Kernels of the nn family against the reference's numbers, forward and backward, within the tolerances stored with them.</summary>
[TestFixtureSource(typeof(KernelDevices))]
sealed class NnReferenceTests(string device) : KernelFixture(device)
{
    static readonly string[] elementwise = ["relu", "sigmoid", "gelu_erf"], softmax = ["softmax", "log_softmax"], pools = ["max_pool2d", "avg_pool2d"];

    static IEnumerable<ReferenceCase> Elementwise() => Cases(elementwise);

    static IEnumerable<ReferenceCase> Softmaxes() => Cases(softmax);

    static IEnumerable<ReferenceCase> Pools() => Cases(pools);

    static IEnumerable<ReferenceCase> GlobalPools() => Cases("global_avg_pool_flatten");

    static IEnumerable<ReferenceCase> LayerNorms() => Cases("layer_norm");

    static IEnumerable<ReferenceCase> BatchNorms() => Cases("batch_norm2d");

    static IEnumerable<ReferenceCase> Cases(params string[] operations) => operations.SelectMany(operation => ReferenceData.Cases("ops", operation));

    [Test]
    public void EveryOperationHasCases() =>
        Assert.That(new[] { Elementwise(), Softmaxes(), Pools(), GlobalPools(), LayerNorms(), BatchNorms() }, Has.All.Not.Empty);

    [TestCaseSource(nameof(Elementwise))]
    public void ActivationEqualsTheReference(ReferenceCase c)
    {
        (Tensor x, Tensor dy, Tensor y, Tensor dx) = Prepare(c, images: false);
        Unary f = c.Op switch { "relu" => Unary.Relu, "sigmoid" => Unary.Sigmoid, _ => Unary.Gelu };
        Backend.Map(f, x, y);
        Backend.Map(f.Backward, dy, f.Saves == Saved.Input ? x : y, dx);
        Compare(c, "y", y);
        Compare(c, "dx", dx);
    }

    [TestCaseSource(nameof(Softmaxes))]
    public void SoftmaxEqualsTheReference(ReferenceCase c)
    {
        (Tensor x, Tensor dy, Tensor y, Tensor dx) = Prepare(c, images: false);
        if (c.Op == "log_softmax")
        {
            Backend.LogSoftmax(x, y);
            Backend.LogSoftmaxBackward(dy, y, dx);
        }
        else
        {
            Backend.Softmax(x, y);
            Backend.SoftmaxBackward(dy, y, dx);
        }
        Compare(c, "y", y);
        Compare(c, "dx", dx);
    }

    [TestCaseSource(nameof(Pools))]
    public void PoolEqualsTheReference(ReferenceCase c)
    {
        (Tensor x, Tensor dy, Tensor y, Tensor dx) = Prepare(c, images: true);
        var geometry = new Pool2dGeometry(Conv2dTests.Size(c, "kernel"), Conv2dTests.Size(c, "stride"), Conv2dTests.Size(c, "padding"));
        if (c.Op == "max_pool2d")
        {
            Tensor index = Output(DType.Int32, y.Shape.ToArray());
            Backend.MaxPool2d(x, geometry, y, index);
            Backend.MaxPool2dBackward(dy, index, geometry, dx);
        }
        else
        {
            bool countPadding = c.Flag("count_include_pad", true);
            Backend.AvgPool2d(x, geometry, countPadding, y);
            Backend.AvgPool2dBackward(dy, geometry, countPadding, dx);
        }
        Compare(c, "y", y, images: true);
        Compare(c, "dx", dx, images: true);
    }

    [TestCaseSource(nameof(GlobalPools))]
    public void GlobalPoolEqualsTheReference(ReferenceCase c)
    {
        (Tensor x, Tensor dy, Tensor y, Tensor dx) = Prepare(c, images: true);
        Backend.GlobalAvgPool2d(x, y);
        Backend.GlobalAvgPool2dBackward(dy, dx);
        Compare(c, "y", y, images: true);
        Compare(c, "dx", dx, images: true);
    }

    [TestCaseSource(nameof(LayerNorms))]
    public void LayerNormEqualsTheReference(ReferenceCase c)
    {
        (Tensor x, Tensor dy, Tensor y, Tensor dx) = Prepare(c, images: false);
        int columns = x.Shape[-1];
        Tensor weight = Vector(c, "weight"), statistics = Output((int)x.Count / columns, 3), dweight = Output(columns), dbias = Output(columns);
        Backend.LayerNorm(x, weight, Vector(c, "bias"), c.Number("eps", double.NaN), y, statistics);
        Backend.LayerNormBackward(dy, x, weight, statistics, new(dx, false, dweight, false, dbias, false));
        Compare(c, "y", y);
        Compare(c, "dx", dx);
        Compare(c, "dweight", dweight);
        Compare(c, "dbias", dbias);
    }

    [TestCaseSource(nameof(BatchNorms))]
    public void BatchNormEqualsTheReference(ReferenceCase c)
    {
        (Tensor x, Tensor dy, Tensor y, Tensor dx) = Prepare(c, images: true);
        int channels = x.Shape[-1];
        bool batch = c.Flag("train", true);
        double eps = c.Number("eps", 1e-5);
        Tensor weight = Vector(c, "weight"), bias = Vector(c, "bias"), mean = Vector(c, "running_mean"), variance = Vector(c, "running_var"),
            saved = Output(BatchNormRow.Count, channels), dweight = Output(channels), dbias = Output(channels);
        if (batch)
            Backend.BatchNormStatistics(x, weight, bias, eps, saved, mean, variance, c.Number("momentum", 0.1), null);
        else
            Backend.BatchNormFrozen(weight, bias, mean, variance, eps, saved);
        Backend.BatchNormApply(x, saved, null, relu: false, y);
        Backend.BatchNormBackward(dy, x, relu: false, null, saved, batch, new(dx, null, dweight, false, dbias, false));
        Compare(c, "y", y, images: true);
        Compare(c, "dx", dx, images: true);
        Compare(c, "dweight", dweight);
        Compare(c, "dbias", dbias);
        Compare(c, "running_mean_after", mean);
        Compare(c, "running_var_after", variance);
    }

    (Tensor X, Tensor Dy, Tensor Y, Tensor Dx) Prepare(ReferenceCase c, bool images)
    {
        Tensor x = ReferenceOps.Input(c, "x", DType.Float32, images), dy = ReferenceOps.Upstream(c, DType.Float32, images);
        int[] inputs = x.Shape.ToArray(), outputs = dy.Shape.ToArray();
        return (Input(x.ToArray<float>(), inputs), Input(dy.ToArray<float>(), outputs), Output(outputs), Output(inputs));
    }

    Tensor Vector(ReferenceCase c, string role) => Input(c.Input(role).Data);

    static void Compare(ReferenceCase c, string output, Tensor actual, bool images = false) =>
        ReferenceOps.Compare(c, output, OnCpu(actual.ToArray<float>(), actual.Shape.ToArray()), images);
}
