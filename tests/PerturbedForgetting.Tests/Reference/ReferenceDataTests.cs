using System.Security.Cryptography;
using System.Text.Json;
using PerturbedForgetting.Tensors.Serialization;

namespace PerturbedForgetting.Tests.Reference;

[TestFixture]
sealed class ReferenceDataTests
{
    [TestCase("ops", 414)]
    [TestCase("optim", 173)]
    [TestCase("schedule", 56)]
    [TestCase("models", 17)]
    [TestCase("step", 4)]
    [TestCase("metrics", 12)]
    public void TheManifestHasAllCases(string group, int count) => Assert.That(ReferenceData.Cases(group), Has.Count.EqualTo(count));

    [Test]
    public void FilesAreThoseTheManifestDescribes()
    {
        int compared = 0;
        foreach (JsonProperty file in ReferenceData.Json("manifest.json").GetProperty("files").EnumerateObject())
        {
            string path = ReferenceData.PathOf(file.Name);
            if (!File.Exists(path))
                continue;
            string hash = Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path)));
            Assert.That(hash, Is.EqualTo(file.Value.GetProperty("sha256").GetString()), file.Name);
            compared++;
        }
        Assert.That(compared, Is.GreaterThanOrEqualTo(26));
    }

    [Test]
    public void EveryTensorOfTheOperationsCanBeRead()
    {
        foreach (ReferenceCase c in ReferenceData.Cases("ops"))
        {
            foreach (ReferenceOutput output in c.Outputs.Values)
            {
                IEnumerable<double> items = ReferenceData.Open(c.File).Entry(output.Tensor).DType == SafetensorsDType.I64
                    ? ReferenceData.Int64(c.File, output.Tensor).Data.Select(x => (double)x)
                    : ReferenceData.Float32(c.File, output.Tensor).Data.Select(x => (double)x);
                if (double.IsNaN(output.MaxAbs))
                {
                    Assert.That(output.Atol, Is.Zero, $"{c}: {output.Tensor}");
                    continue;
                }
                double max = items.Select(Math.Abs).DefaultIfEmpty(0).Max();
                Assert.That(max, Is.EqualTo(output.MaxAbs).Within(1e-5 * output.MaxAbs + 1e-12), $"{c}: {output.Tensor}");
            }
            foreach (string input in c.Inputs.Values)
                Assert.That(ReferenceData.Open(c.File).Contains(input), $"{c}: {input}");
        }
    }

    [Test]
    public void OtherTypesKeepTheirItems()
    {
        Assert.That(ReferenceData.Float64("models.safetensors", "vit_tiny_avg/logits_eval_f64").Shape, Has.Length.EqualTo(2));
        Assert.That(ReferenceData.Int64("optim.safetensors", "data/mlp/y").Data, Is.All.InRange(0, 4));
        Assert.That(ReferenceData.Float32("optim.safetensors", "data/mlp/x").Shape, Is.EqualTo(new[] { 5, 8, 10 }));
    }
}
