using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends;
using PerturbedForgetting.Tensors.Backends.Cuda;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;
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
        (Tensor x, DeviceBuffer<float> source, DeviceBuffer<float> dy, DeviceBuffer<float> y, DeviceBuffer<float> dx) = Prepare(c, images: false);
        Unary f = c.Op switch { "relu" => Unary.Relu, "sigmoid" => Unary.Sigmoid, _ => Unary.Gelu };
        Library.Map(Stream, f.Kernel, 1, x.Count, y, source, x.Count);
        Library.Map(Stream, f.Backward.Kernel, 2, x.Count, dx, dy, f.Saves == Saved.Input ? source : y, x.Count);
        Compare(c, "y", y, x.Shape);
        Compare(c, "dx", dx, x.Shape);
    }

    [TestCaseSource(nameof(Softmaxes))]
    public void SoftmaxEqualsTheReference(ReferenceCase c)
    {
        (Tensor x, DeviceBuffer<float> source, DeviceBuffer<float> dy, DeviceBuffer<float> y, DeviceBuffer<float> dx) = Prepare(c, images: false);
        int columns = x.Shape[-1];
        var kernels = new Softmax(Library);
        kernels.Forward(Stream, y, source, x.Count / columns, columns, c.Op == "log_softmax");
        kernels.Backward(Stream, dx, dy, y, x.Count / columns, columns, c.Op == "log_softmax");
        Compare(c, "y", y, x.Shape);
        Compare(c, "dx", dx, x.Shape);
    }

    [TestCaseSource(nameof(Pools))]
    public void PoolEqualsTheReference(ReferenceCase c)
    {
        (Tensor x, DeviceBuffer<float> source, DeviceBuffer<float> dy, DeviceBuffer<float> y, DeviceBuffer<float> dx) = Prepare(c, images: true);
        Size2d kernel = Conv2dTests.Size(c, "kernel"), stride = Conv2dTests.Size(c, "stride"), padding = Conv2dTests.Size(c, "padding");
        int[] outputs = ShapeOf(c, "y");
        int images = x.Shape[0];
        var windows = new Pooling.Windows
        {
            Height = x.Shape[1],
            Width = x.Shape[2],
            Channels = x.Shape[3],
            OutHeight = outputs[1],
            OutWidth = outputs[2],
            KernelH = kernel.H,
            KernelW = kernel.W,
            StrideH = stride.H,
            StrideW = stride.W,
            PadH = padding.H,
            PadW = padding.W,
        };
        var kernels = new Pooling(Library);
        if (c.Op == "max_pool2d")
        {
            DeviceBuffer<int> index = Poisoned<int>(y.Count);
            kernels.Max(Stream, y, index, source, windows, images);
            kernels.MaxBackward(Stream, dx, dy, index, windows, images);
        }
        else
        {
            bool countPadding = c.Flag("count_include_pad", true);
            kernels.Avg(Stream, y, source, windows, countPadding, images);
            kernels.AvgBackward(Stream, dx, dy, windows, countPadding, images);
        }
        ReferenceOps.Compare(c, "y", OnCpu(Download(y), outputs), images: true);
        ReferenceOps.Compare(c, "dx", OnCpu(Download(dx), x.Shape.ToArray()), images: true);
    }

    [TestCaseSource(nameof(GlobalPools))]
    public void GlobalPoolEqualsTheReference(ReferenceCase c)
    {
        (Tensor x, DeviceBuffer<float> source, DeviceBuffer<float> dy, DeviceBuffer<float> y, DeviceBuffer<float> dx) = Prepare(c, images: true);
        int images = x.Shape[0], pixels = x.Shape[1] * x.Shape[2], channels = x.Shape[3];
        var kernels = new Pooling(Library);
        kernels.Global(Stream, y, source, pixels, channels, images);
        kernels.GlobalBackward(Stream, dx, dy, pixels, channels, images);
        ReferenceOps.Compare(c, "y", OnCpu(Download(y), images, channels), images: true);
        ReferenceOps.Compare(c, "dx", OnCpu(Download(dx), x.Shape.ToArray()), images: true);
    }

    [TestCaseSource(nameof(LayerNorms))]
    public void LayerNormEqualsTheReference(ReferenceCase c)
    {
        (Tensor x, DeviceBuffer<float> source, DeviceBuffer<float> dy, DeviceBuffer<float> y, DeviceBuffer<float> dx) = Prepare(c, images: false);
        int columns = x.Shape[-1];
        long rows = x.Count / columns;
        DeviceBuffer<float> weight = Upload(c, "weight"), statistics = Poisoned<float>(3 * rows), dweight = Poisoned<float>(columns), dbias = Poisoned<float>(columns);
        var kernels = new LayerNorm(Library);
        kernels.Forward(Stream, y, statistics, default, source, default, weight, Upload(c, "bias"), c.Number("eps", double.NaN), rows, columns);
        kernels.Backward(Stream, new(dx, false, dweight, false, dbias, false), Scratch<float>(2L * LayerNorm.Parts(rows) * columns), dy, source, weight, statistics, rows, columns);
        Compare(c, "y", y, x.Shape);
        Compare(c, "dx", dx, x.Shape);
        Compare(c, "dweight", dweight, [columns]);
        Compare(c, "dbias", dbias, [columns]);
    }

    [TestCaseSource(nameof(BatchNorms))]
    public void BatchNormEqualsTheReference(ReferenceCase c)
    {
        (Tensor x, DeviceBuffer<float> source, DeviceBuffer<float> dy, DeviceBuffer<float> y, DeviceBuffer<float> dx) = Prepare(c, images: true);
        int channels = x.Shape[-1];
        long rows = x.Count / channels;
        bool batch = c.Flag("train", true);
        double eps = c.Number("eps", 1e-5);
        DeviceBuffer<float> weight = Upload(c, "weight"), bias = Upload(c, "bias"), mean = Upload(c, "running_mean"), variance = Upload(c, "running_var"),
            saved = Poisoned<float>(BatchNormRow.Count * channels), scratch = Scratch<float>(BatchNorm.Scratch(rows, channels)),
            dweight = Poisoned<float>(channels), dbias = Poisoned<float>(channels);
        var kernels = new BatchNorm(Library);
        if (batch)
            kernels.Statistics(Stream, saved, mean, variance, default, scratch, source, weight, bias, eps, c.Number("momentum", 0.1), rows, channels);
        else
            kernels.Frozen(Stream, saved, mean, variance, weight, bias, eps, channels);
        kernels.Apply(Stream, y, source, saved, DevicePointer.Null, relu: false, rows, channels);
        kernels.Backward(Stream, new(dx, DevicePointer.Null, dweight, false, dbias, false), scratch, dy, source, DevicePointer.Null, saved, relu: false, batch, rows, channels);
        ReferenceOps.Compare(c, "y", OnCpu(Download(y), x.Shape.ToArray()), images: true);
        ReferenceOps.Compare(c, "dx", OnCpu(Download(dx), x.Shape.ToArray()), images: true);
        Compare(c, "dweight", dweight, [channels]);
        Compare(c, "dbias", dbias, [channels]);
        Compare(c, "running_mean_after", mean, [channels]);
        Compare(c, "running_var_after", variance, [channels]);
    }

    (Tensor X, DeviceBuffer<float> Source, DeviceBuffer<float> Dy, DeviceBuffer<float> Y, DeviceBuffer<float> Dx) Prepare(ReferenceCase c, bool images)
    {
        Tensor x = ReferenceOps.Input(c, "x", DType.Float32, images), dy = ReferenceOps.Upstream(c, DType.Float32, images);
        return (x, Upload<float>(x.ToArray<float>()), Upload<float>(dy.ToArray<float>()), Poisoned<float>(dy.Count), Poisoned<float>(x.Count));
    }

    DeviceBuffer<float> Upload(ReferenceCase c, string role) => Upload<float>(c.Input(role).Data);

    void Compare(ReferenceCase c, string output, DeviceBuffer<float> actual, Shape shape) => ReferenceOps.Compare(c, output, OnCpu(Download(actual), shape.ToArray()));

    /// <summary>An image result's shape, channels last.</summary>
    static int[] ShapeOf(ReferenceCase c, string output)
    {
        int[] stored = c.Output(output).Expected.Shape;
        return [stored[0], stored[2], stored[3], stored[1]];
    }
}
