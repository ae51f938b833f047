namespace PerturbedForgetting.Tests.Vision.Models;

[TestFixture]
sealed class ReferenceWeightsTests
{
    [TestCase("fc.weight", new[] { 1000, 2048 }, 0, 1.0, 0xba9a0cf0)]
    [TestCase("fc.weight", new[] { 1000, 2048 }, 123456, 1.0, 0x3cba6054u)]
    [TestCase("conv1.weight", new[] { 64, 3, 7, 7 }, 7, 1.0, 0x3d9b6ed5u)]
    [TestCase("layer1.0.bn1.weight", new[] { 64 }, 3, 1.0, 0x3f74bc4du)]
    [TestCase("layer1.0.bn3.weight", new[] { 256 }, 5, 1.0, 0x3f808009u)]
    [TestCase("layer1.0.bn3.weight", new[] { 256 }, 5, 0.2, 0x3e4d99a8u)]
    [TestCase("layer2.0.bn2.running_var", new[] { 128 }, 7, 1.0, 0x3f8acfeau)]
    [TestCase("pos_embed", new[] { 1, 49, 384 }, 100, 1.0, 0x3a94751fu)]
    [TestCase("head.bias", new[] { 1000 }, 999, 1.0, 0xbcab1ed0)]
    public void WorkedValuesOfTheReferenceComeOut(string name, int[] shape, int index, double lastNormScale, uint bits) =>
        Assert.That(BitConverter.SingleToUInt32Bits(ReferenceWeights.Values(name, shape, lastNormScale)[index]), Is.EqualTo(bits));

    [Test]
    public void WorkedLabelsOfTheReferenceComeOut()
    {
        Assert.That(ReferenceWeights.Labels(2, 1000), Is.EqualTo(new long[] { 636, 243 }));
        Assert.That(ReferenceWeights.Labels(2, 10), Is.EqualTo(new long[] { 6, 3 }));
    }
}
