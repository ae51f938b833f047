using System.Text.Json;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Datasets.ImageNet;

namespace PerturbedForgetting.Tests.Vision.Tfds;

public class TfdsDatasetTests
{
    [TestCase("cifar10", "train", 10)]
    [TestCase("cifar10", "test", 10)]
    [TestCase("cifar100", "train", 100)]
    [TestCase("cifar100", "test", 100)]
    [TestCase("imagenet2012", "train", 1000)]
    [TestCase("imagenet2012", "validation", 1000)]
    [TestCase("imagenet_v2/matched-frequency", "test", 1000)]
    [TestCase("imagenet_v2/threshold-0.7", "test", 1000)]
    [TestCase("imagenet_v2/topimages", "test", 1000)]
    [TestCase("imagenet_r", "test", 1000)]
    [TestCase("imagenet_a", "test", 1000)]
    [TestCase("imagenet_sketch", "test", 1000)]
    public void PreparedSetsAreRead(string set, string split, int classes)
    {
        using Dataset data = PreparedSets.Open(set, split);
        JsonElement[] expected = PreparedSets.Expected(set, split);
        Assert.That((data.Count, data.Classes.Count), Is.EqualTo((expected.Length, classes)));
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.That(data.Label(i), Is.EqualTo(expected[i].GetProperty("label").GetInt32()));
            Assert.That(PreparedSets.Pixels(data, i), Is.EqualTo(expected[i].GetProperty("pixels").GetString()), data.Describe(i));
        }
        Assert.That(data.Classes.SameAs(ImageNetClasses.All), Is.EqualTo(classes == 1000));
        Assert.That(data.Notes, Is.Empty);
    }

    [Test]
    public void RealLabelsAreSets()
    {
        using Dataset data = PreparedSets.Open("imagenet2012_real", "validation");
        JsonElement[] expected = PreparedSets.Expected("imagenet2012_real", "validation");
        Assert.That(data.HasLabelSets);
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.That(data.LabelSet(i).ToArray(),
                Is.EqualTo(expected[i].GetProperty("real_label").EnumerateArray().Select(l => l.GetInt32())));
            Assert.That(data.Label(i), Is.EqualTo(expected[i].GetProperty("original_label").GetInt32()));
            Assert.That(PreparedSets.Pixels(data, i), Is.EqualTo(expected[i].GetProperty("pixels").GetString()));
        }
        Assert.That(data.Scores.Select(s => (s.Name, s.AnyLabel)),
            Is.EqualTo(new[] { ("imagenet2012_real", true), ("imagenet2012_real_original", false) }));
    }
}
