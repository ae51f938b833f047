using System.Text.Json;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tests.Reference;

namespace PerturbedForgetting.Tests.Tensors.OpsTests;

[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Names))]
sealed class Conv2dTests(string device) : DeviceFixture(device)
{
    [TestCaseSource(nameof(Cases))]
    public void EqualsTheReference(ReferenceCase c) =>
        ReferenceOps.Check(c, x => Ops.Conv2d(x["x"], x["weight"], x.GetValueOrDefault("bias"),
        Size(c, "stride"), Size(c, "padding"), Size(c, "dilation"), (int)c.Number("groups", 1)), images: true);

    static IEnumerable<ReferenceCase> Cases() => ReferenceData.Cases("ops", "conv2d");

    internal static Size2d Size(ReferenceCase c, string key)
    {
        JsonElement value = c.Config.GetProperty(key);
        return value.ValueKind == JsonValueKind.Array ? (value[0].GetInt32(), value[1].GetInt32()) : value.GetInt32();
    }

    [Test]
    public void WrongArgumentsAreNamed()
    {
        using Tensor x = Zeros([1, 4, 4, 3]), weight = Zeros([2, 5, 5, 3]), grouped = Zeros([4, 1, 1, 2]);
        Assert.That(() => Ops.Conv2d(x, weight), Throws.ArgumentException.With.Message.Contains("larger than the input")
            .And.Message.Contains("[1, 4, 4, 3]"));
        Assert.That(() => Ops.Conv2d(x, grouped, groups: 2), Throws.ArgumentException.With.Message.Contains("[4, 1, 1, 2]"));
        Assert.That(() => Ops.Conv2d(x, weight, stride: 0), Throws.ArgumentException.With.Message.Contains("stride"));
        Assert.That(() => Ops.Conv2d(x, weight, padding: -1), Throws.ArgumentException.With.Message.Contains("padding"));
    }
}
