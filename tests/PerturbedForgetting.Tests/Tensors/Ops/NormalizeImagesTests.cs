using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tests.Reference;

namespace PerturbedForgetting.Tests.Tensors.OpsTests;

[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Names))]
sealed class NormalizeImagesTests(string device) : DeviceFixture(device)
{
    static IEnumerable<ReferenceCase> Cases() => ReferenceData.Cases("transforms", "normalise");

    [TestCaseSource(nameof(Cases))]
    public void EqualsTheReferenceBitForBit(ReferenceCase c)
    {
        using var scope = Scope.Begin();
        double[] Numbers(string key) => [.. c.Json.GetProperty(key).EnumerateArray().Select(x => x.GetDouble())];
        ReferenceTensor<float> expected = ReferenceData.Float32(c.File, c.Json.GetProperty("tensor").GetString()!);
        List<float> result = [];
        foreach (string? input in c.Json.GetProperty("inputs").EnumerateArray().Select(x => x.GetString()))
        {
            ReferenceTensor<byte> planes = ReferenceData.Bytes(c.File, input!);
            byte[] bytes = Ops.Permute(Tensor.From(planes.Data, new Shape(planes.Shape)), 1, 2, 0).ToArray<byte>();
            Tensor image = From<byte>(bytes, [planes.Shape[1], planes.Shape[2], planes.Shape[0]]);
            result.AddRange(Ops.Permute(Ops.NormalizeImages(image, Numbers("mean"), Numbers("std")), 2, 0, 1).ToArray<float>());
        }
        Assert.That(result, Is.EqualTo(expected.Data));
    }

    [Test]
    public void EveryReferenceCaseRuns() => Assert.That(Cases().Count(), Is.EqualTo(2));

    [TestCase(1, 1, 3)]
    [TestCase(3, 85, 3)]
    [TestCase(2, 999, 1)]
    [TestCase(1, 70, 4)]
    public void EveryByteIsTheFormulaInFloat32(int rows, int columns, int channels)
    {
        using var scope = Scope.Begin();
        double[] mean = [0.485, 0.456, 0.406, 0.3], std = [0.229, 0.224, 0.225, 1e-3];
        byte[] bytes = Enumerable.Range(0, rows * columns * channels).Select(i => (byte)(i * 7)).ToArray();
        float[] y = Ops.NormalizeImages(From(bytes, [1, rows, columns, channels]), mean.AsSpan(0, channels), std.AsSpan(0, channels))
            .ToArray<float>();
        for (int i = 0; i < bytes.Length; i++)
        {
            int c = i % channels;
            Assert.That(y[i], Is.EqualTo((bytes[i] - (float)(255 * mean[c])) / (float)(255 * std[c])));
        }
    }

    [TestCase(1, 1, 1, 3), TestCase(3, 5, 7, 3), TestCase(2, 33, 129, 3), TestCase(4, 2, 6, 1), TestCase(2, 3, 5, 4)]
    public void FlagsMirrorImages(int images, int height, int width, int channels)
    {
        using var scope = Scope.Begin();
        int seed = Random.Shared.Next();
        TestContext.Out.WriteLine($"seed {seed}");
        var random = new Random(seed);
        double[] mean = [0.485, 0.456, 0.406, 0.3], std = [0.229, 0.224, 0.225, 0.5];
        byte[] bytes = new byte[images * height * width * channels], flags = new byte[images];
        random.NextBytes(bytes);
        for (int i = 0; i < images; i++)
            flags[i] = (byte)(i % 2 == 0 ? random.Next(1, 256) : 0);
        Shape shape = [images, height, width, channels];
        float[] plain = Ops.NormalizeImages(From<byte>(bytes, shape), mean.AsSpan(0, channels), std.AsSpan(0, channels)).ToArray<float>();
        float[] y = Ops.NormalizeImages(From<byte>(bytes, shape), mean.AsSpan(0, channels), std.AsSpan(0, channels),
            From<byte>(flags, [images])).ToArray<float>();
        for (int i = 0; i < bytes.Length; i++)
        {
            int c = i % channels, column = i / channels % width, row = i / channels / width;
            int from = flags[row / height] == 0 ? column : width - 1 - column;
            Assert.That(y[i], Is.EqualTo(plain[(((row * width) + from) * channels) + c]), $"element {i}");
        }
    }

    [Test]
    public void WrongArgumentsAreNamed()
    {
        using var scope = Scope.Begin();
        Tensor bytes = Zeros([1, 2, 2, 3], DType.UInt8);
        Assert.That(() => Ops.NormalizeImages(bytes, [0.5], [0.5]),
            Throws.InstanceOf<ArgumentException>().With.Message.Contains("[1, 2, 2, 3]"));
        Assert.That(() => Ops.NormalizeImages(bytes, [0.5, 0.5, 0.5], [0.5, 0, 0.5]), Throws.InstanceOf<ArgumentException>());
        Assert.That(() => Ops.NormalizeImages(bytes, [0.5, 0.5, 0.5], [1, 1, 1], Zeros([2], DType.UInt8)),
            Throws.InstanceOf<ArgumentException>().With.Message.Contains("[2]"));
        Assert.That(() => Ops.NormalizeImages(Zeros([1, 3]), [0.5, 0.5, 0.5], [1, 1, 1]),
            Throws.InstanceOf<ArgumentException>().With.Message.Contains("Float32"));
    }
}
