using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Training.Setup;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Loading;
using PerturbedForgetting.Vision.Transforms;

namespace PerturbedForgetting.Tests.Training.Setup;

/// <summary>Small batches, and what must become of them.</summary>
static class InputCase
{
    public const int Classes = 10;

    public static readonly Normalization Normalization = Normalization.ImageNet;
    public static readonly ImageTransform Transform = new RandomResizedCrop(9, 11);

    public static Dataset Shapes(int count) => DatasetFactory.Open($"builtin/shapes:train={count},size=16", null, "train");

    public static ImageLoader Loader(Device device, int workers, int images = 21) =>
        new(Shapes(images), Transform, LoaderOptions.Evaluation(8, workers) with { Shuffle = true, Seed = 5, Device = device });

    /// <summary>An epoch's batches, made step by step without the feed.</summary>
    public static List<(int[] Indices, int[] Labels, float[] Images)> Expected(int epoch, int images = 21)
    {
        using ImageLoader loader = Loader(Device.Cpu, workers: 0, images);
        List<(int[], int[], float[])> result = [];
        foreach (ImageBatch batch in loader.Epoch(epoch))
        {
            using var scope = Scope.Begin();
            byte[] pixels = batch.Pixels.ToArray();
            for (int i = 0; i < batch.Count; i++)
                if (batch.Flips[i] != 0)
                    ImageTransform.FlipHorizontally(pixels.AsSpan(i * Transform.OutputBytes, Transform.OutputBytes), Transform.Width);
            var bytes = Tensor.From(pixels, [batch.Count, Transform.Height, Transform.Width, 3]);
            result.Add((batch.Indices.ToArray(), batch.Labels.ToArray(),
                Ops.NormalizeImages(bytes, [.. Normalization.Mean], [.. Normalization.Std]).ToArray<float>()));
        }
        return result;
    }

    public static void AssertBatch(InputBatch batch, (int[] Indices, int[] Labels, float[] Images) expected)
    {
        Assert.That(batch.Indices, Is.EqualTo(expected.Indices));
        Assert.That(batch.HostLabels, Is.EqualTo(expected.Labels));
        Assert.That(batch.Labels.ToArray<int>(), Is.EqualTo(expected.Labels));
        Assert.That(batch.Labels.KnownBelow, Is.EqualTo(Classes));
        Assert.That(batch.Images.Shape,
            Is.EqualTo(new PerturbedForgetting.Tensors.Shape(expected.Labels.Length, Transform.Height, Transform.Width, 3)));
        Assert.That(batch.Images.ToArray<float>().AsSpan().SequenceEqual(expected.Images), $"images of batch {batch.Number}");
    }
}
