using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Tensors.Serialization;

namespace PerturbedForgetting.Tests.Tensors.Nn;

[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Names))]
sealed class StateDictTests(string device) : DeviceFixture(device)
{
    sealed class Net : Module
    {
        public readonly Conv2d Conv;
        public readonly BatchNorm2d Bn;
        public readonly Linear Fc;

        public Net(int classes = 3, bool bias = true)
        {
            Conv = Register("conv", new Conv2d(2, 4, (3, 1), bias: bias));
            Bn = Register("bn", new BatchNorm2d(4));
            Fc = Register("fc", new Linear(4, classes));
        }

        protected override Tensor Forward(Tensor x) => Fc.Call(Ops.GlobalAvgPool2d(Bn.Call(Conv.Call(x))));
    }

    [Test]
    public void NamesOrderAndShapesAreThoseOfPyTorch()
    {
        string[] entries = new Net().State().Select(e => $"{e.Name} [{string.Join(",", StateDict.TorchShape(e))}]").ToArray();
        Assert.That(entries, Is.EqualTo(new[]
        {
            "conv.weight [4,2,3,1]", "conv.bias [4]", "bn.weight [4]", "bn.bias [4]", "bn.running_mean [4]", "bn.running_var [4]",
            "bn.num_batches_tracked []", "fc.weight [3,4]", "fc.bias [3]",
        }));
    }

    [Test]
    public void ConvolutionWeightsAreTransposed()
    {
        using Tensor weight = From(new float[] { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 }, [1, 3, 2, 2]);
        float[] torch = StateDict.ToTorch(weight, WeightLayout.Convolution);
        // Channel 0 of the six pixels, then channel 1.
        Assert.That(torch, Is.EqualTo(new float[] { 0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11 }));
        using Tensor back = Zeros([1, 3, 2, 2]);
        StateDict.FromTorch(back, WeightLayout.Convolution, torch);
        Assert.That(back.ToArray<float>(), Is.EqualTo(weight.ToArray<float>()));
    }

    [TestCase(DType.Float32)]
    [TestCase(DType.Float64)]
    public void WhatIsWrittenIsRead(DType type)
    {
        using var folder = new TempFolder();
        using Initialization initialization = Initialization.Begin(3, Device, type);
        Net saved = new(), loaded = new();
        saved.Bn.BatchesTracked.Fill(7_000_000_000);
        saved.Bn.RunningMean.CopyFrom(saved.Conv.Bias!);
        Save(saved, folder["net"]);
        using SafetensorsFile file = SafetensorsFile.Open(folder["net"]);
        Assert.That(file.Entry("conv.weight").ToString(), Is.EqualTo("conv.weight: F32 [4, 2, 3, 1]"));
        Assert.That(file.Entry("bn.num_batches_tracked").ToString(), Is.EqualTo("bn.num_batches_tracked: I64 []"));
        Assert.That(Values(loaded), Is.Not.EqualTo(Values(saved)));
        Assert.That(StateDict.Read(loaded, file), Is.Empty);
        Assert.That(Values(loaded), Is.EqualTo(Values(saved)));
        Assert.That(loaded.Bn.BatchesTracked.Item(), Is.EqualTo(7_000_000_000));
    }

    [Test]
    public void EverythingThatDoesNotFitIsNamedAtOnceAndNothingIsChanged()
    {
        using var folder = new TempFolder();
        var writer = new SafetensorsWriter();
        StateDict.Write(new Net(5, bias: false), writer);
        writer.Add<float>("extra", SafetensorsDType.F32, [1], new float[1]);
        writer.Save(folder["other"]);
        using SafetensorsFile file = SafetensorsFile.Open(folder["other"]);
        Net net = new();
        float[][] before = Values(net);
        Assert.That(() => StateDict.Read(net, file), Throws.TypeOf<WeightsException>().With.Message.Contains(folder["other"])
            .And.Message.Contains("'conv.bias' is missing")
            .And.Message.Contains("'fc.weight' is F32 [5, 4] in the file and F32 [3, 4] in the model")
            .And.Message.Contains("'fc.bias'")
            .And.Message.Contains("'extra' is not in the model"));
        Assert.That(Values(net), Is.EqualTo(before));
        Assert.That(StateDict.Read(net, file, strict: false), Has.Count.EqualTo(4));
        Assert.That(Values(net)[0], Is.Not.EqualTo(before[0]), "what fits is loaded");
        Assert.That(net.Fc.Weight.ToArray<float>(), Is.EqualTo(before[^2]));
    }

    /// <summary>Tools that convert whole files make numbers of batches floating-point too.</summary>
    [TestCase(3f, true)]
    [TestCase(0.5f, false)]
    [TestCase(float.NaN, false)]
    [TestCase(1e30f, false)]
    public void CountersAreNotReadFromFractions(float stored, bool isRead)
    {
        using var folder = new TempFolder();
        var writer = new SafetensorsWriter();
        writer.Add<float>("count", SafetensorsDType.F32, [], new[] { stored });
        writer.Save(folder["f"]);
        using SafetensorsFile file = SafetensorsFile.Open(folder["f"]);
        using Tensor counter = Zeros([], DType.Int64);
        void Read() => StateDict.Read(new StateEntry("count", counter), file.Entry("count"));
        if (!isRead)
        {
            Assert.That(Read, Throws.InstanceOf<WeightsException>().With.Message.Contains("'count'").And.Message.Contains("whole number"));
            return;
        }
        Read();
        Assert.That(counter.ToArray<long>(), Is.EqualTo(new[] { (long)stored }));
    }

    static void Save(Module module, string path)
    {
        var writer = new SafetensorsWriter();
        StateDict.Write(module, writer);
        writer.Save(path);
    }

    static float[][] Values(Module module) =>
        module.State().Where(e => e.Tensor.DType != DType.Int64).Select(e => StateDict.ToTorch(e.Tensor, e.Layout)).ToArray();
}
