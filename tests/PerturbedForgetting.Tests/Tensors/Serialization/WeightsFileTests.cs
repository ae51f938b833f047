using PerturbedForgetting.Tensors.Serialization;
using static PerturbedForgetting.Tests.Tensors.Serialization.WeightsSamples;

namespace PerturbedForgetting.Tests.Tensors.Serialization;

/// <summary>Weights as PyTorch and NumPy wrote them.</summary>
public class WeightsFileTests
{
    static readonly string[] TorchNames =
    [
        "dense", "transposed", "rows", "columns", "shared", "double", "half", "bfloat", "parameter", "counter", "empty", "expanded",
        "bytes", "truth", "channels_last",
    ];

    [TestCase("zip.pth", "PyTorch checkpoint (zip)")]
    [TestCase("legacy.pth", "PyTorch checkpoint (legacy)")]
    [TestCase("legacy_protocol4.pth", "PyTorch checkpoint (legacy)")]
    public void TensorsOfTorchSave(string name, string format)
    {
        using var file = WeightsFile.Open(PathOf(name));
        Assert.That(file.Format, Is.EqualTo(format));
        Assert.That(file.Names, Is.EqualTo(TorchNames));
        Assert.That(Floats(file, "dense"), Is.EqualTo(Values(1, 6)));
        Assert.That(file.Entry("dense").Shape.ToArray(), Is.EqualTo(new long[] { 2, 3 }));
        Assert.That(Floats(file, "transposed"), Is.EqualTo(At(2, 0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11)));
        Assert.That(Floats(file, "rows"), Is.EqualTo(Values(8, 8)));
        Assert.That(Floats(file, "columns"), Is.EqualTo(At(0, 1, 2, 5, 6, 9, 10, 13, 14, 17, 18, 21, 22)));
        Assert.That(Floats(file, "shared"), Is.EqualTo(Values(0, 24)));
        Assert.That(Floats(file, "double"), Is.EqualTo(Values(3, 5)));
        Assert.That(file.Entry("double").DType, Is.EqualTo(SafetensorsDType.F64));
        Assert.That(Floats(file, "half"), Is.EqualTo(Values(4, 5)));
        Assert.That(file.Entry("half").DType, Is.EqualTo(SafetensorsDType.F16));
        Assert.That(Floats(file, "bfloat"), Is.EqualTo(Values(5, 4)));
        Assert.That(file.Entry("bfloat").DType, Is.EqualTo(SafetensorsDType.BF16));
        Assert.That(Floats(file, "parameter"), Is.EqualTo(Values(6, 3)));
        Assert.That(file.Entry("counter").ReadCounter(), Is.EqualTo(7));
        Assert.That(file.Entry("counter").Shape.ToArray(), Is.Empty);
        Assert.That(Floats(file, "empty"), Is.Empty);
        Assert.That(Floats(file, "expanded"), Is.EqualTo(At(8, 0, 0, 1, 1, 2, 2)));
        Assert.That(Bytes(file, "bytes"), Is.EqualTo(new byte[] { 1, 2, 255 }));
        Assert.That(Bytes(file, "truth"), Is.EqualTo(new byte[] { 1, 0 }));
        Assert.That(Floats(file, "channels_last"), Is.EqualTo(Values(9, 24)));
        Assert.That(() => Floats(file, "bytes"), Throws.TypeOf<WeightsException>().With.Message.Contains("U8"));
    }

    [TestCase("checkpoint.pth.tar", null, 10, "'state_dict_ema'; it also has 'state_dict'")]
    [TestCase("checkpoint.pth.tar", "state_dict", 0, "argparse.Namespace")]
    [TestCase("dino.pth", null, 10, "'teacher'; it also has 'student'")]
    [TestCase("dino.pth", "student", 0, "")]
    [TestCase("two.pth", "yours", 10, "")]
    [TestCase("unknown_key.pth", null, 5, "'inner'")]
    [TestCase("unknown_key.pth", "wrapped.inner", 5, "")]
    [TestCase("deflated.pth", null, 0, "")]
    [TestCase("bigendian.pth", null, 0, "")]
    [TestCase("descriptors.pth", null, 0, "")]
    public void WeightsAreFoundInACheckpoint(string name, string? key, int start, string note)
    {
        using var file = WeightsFile.Open(PathOf(name), key);
        Assert.That(file.Names, Is.EqualTo(new[] { "weight", "bias" }));
        Assert.That(Floats(file, "weight"), Is.EqualTo(Values(start, 4)));
        Assert.That(Floats(file, "bias"), Is.EqualTo(Values(start + 4, 2)));
        Assert.That(string.Join("; ", file.Notes), Does.Contain(note));
        file.Verify();
    }

    [Test]
    public void UnknownClassesAreNamedAndNotExecuted()
    {
        using (var checkpoint = WeightsFile.Open(PathOf("checkpoint.pth.tar")))
            Assert.That(checkpoint.Notes, Has.Some.Contains("left alone: __main__.Recipe, argparse.Namespace"));
        using var file = WeightsFile.Open(PathOf("evil.pth"));
        Assert.That(file.Notes, Has.Some.Contains("posix.system"));
        Assert.That(Floats(file, "weight"), Is.EqualTo(Values(0, 4)));
        Assert.That(File.Exists("/tmp/pf-pickle-was-executed"), Is.False);
    }

    [Test]
    public void AWholeModuleIsItsTensors()
    {
        using var file = WeightsFile.Open(PathOf("module.pth"));
        Assert.That(file.Names, Is.EqualTo(new[]
        {
            "conv1.weight", "conv1.bias", "tail.0.weight", "tail.0.bias", "tail.0.running_mean", "tail.0.running_var",
            "tail.0.num_batches_tracked", "tail.1.weight", "tail.1.bias",
        }));
        Assert.That(Floats(file, "tail.1.weight"), Is.EqualTo(Values(4, 6)));
    }

    [TestCase("stored.npz")]
    [TestCase("deflated.npz")]
    public void ArraysOfNumpy(string name)
    {
        using var file = WeightsFile.Open(PathOf(name));
        Assert.That(file.Names, Is.EqualTo(new[] { "a", "fortran", "big", "half", "folder/double", "scalar" }));
        Assert.That(Floats(file, "a"), Is.EqualTo(Values(0, 6)));
        Assert.That(Floats(file, "fortran"), Is.EqualTo(Values(1, 6)));
        Assert.That(Floats(file, "big"), Is.EqualTo(Values(2, 4)));
        Assert.That(Floats(file, "half"), Is.EqualTo(Values(3, 4)));
        Assert.That(Floats(file, "folder/double"), Is.EqualTo(Values(4, 2)));
        Assert.That(file.Entry("scalar").ReadCounter(), Is.EqualTo(5));
        Assert.That(file.Notes, Has.Some.Contains("words (type U3)"));
        file.Verify();
    }

    [Test]
    public void SingleArrays()
    {
        using (var single = WeightsFile.Open(PathOf("single.npy")))
            Assert.That(Floats(single, "single"), Is.EqualTo(Values(0, 6)));
        using var dictionary = WeightsFile.Open(PathOf("dictionary.npy"));
        Assert.That(Floats(dictionary, "w"), Is.EqualTo(Values(0, 4)));
        Assert.That(Floats(dictionary, "b"), Is.EqualTo(Values(4, 2)));
    }

    [TestCase("script.pt", "TorchScript")]
    [TestCase("two.pth", "'mine', 'yours'")]
    [TestCase("loop.pkl", "no weights")]
    public void WhatIsNotReadIsNamed(string name, string reason) =>
        Assert.That(() => WeightsFile.Open(PathOf(name)), Throws.TypeOf<WeightsException>().With.Message.Contains(reason));

    [Test]
    public void OtherKindsOfTensorsAreListed()
    {
        using var file = WeightsFile.Open(PathOf("sparse.pth"));
        Assert.That(file.Names, Is.EqualTo(new[] { "plain" }));
        Assert.That(file.Notes, Has.Some.Contains("weight (sparse)"));
        Assert.That(() => WeightsFile.Open(PathOf("sparse.pth"), "nothing"),
            Throws.TypeOf<WeightsException>().With.Message.Contains("'weight', 'plain'"));
    }

    static float[] At(int start, params int[] places) => Array.ConvertAll(places, p => Value(start + p));

    static byte[] Bytes(WeightsFile file, string name)
    {
        byte[] bytes = new byte[file.Entry(name).ByteLength];
        file.Entry(name).Read(bytes);
        return bytes;
    }
}
