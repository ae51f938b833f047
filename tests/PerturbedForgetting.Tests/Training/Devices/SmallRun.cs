using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Training.Optimizers;
using PerturbedForgetting.Training.Schedules;
using PerturbedForgetting.Training.Updates;
using PerturbedForgetting.Vision.Models;

namespace PerturbedForgetting.Tests.Training;

/// <summary>A small network in training on a device, with perturbations by output-bias forgetting, on batches drawn from a seed.</summary>
sealed class SmallRun : IDisposable
{
    const int Classes = 5, Batches = 4;

    readonly SmallShape shape;
    readonly ImageModel model;
    readonly TrainingStep step;
    readonly List<(Tensor Images, Tensor Labels)> batches = [];
    int next;

    /// <param name="network">resnet or vit; vit-average pools otherwise, and vit-narrow has rows that four elements do not divide.</param>
    /// <param name="opt">Name of the optimizer.</param>
    /// <param name="device">Where it trains.</param>
    /// <param name="shape">Sizes of its batches.</param>
    public SmallRun(string network, string opt, Device device, SmallShape? shape = null)
    {
        this.shape = shape ??= new(BatchSize: 6, ImageSize: 12, ChunkSize: 3);
        Device = device;
        using (Initialization.Begin(5, device))
            model = network == "resnet" ? ResNet() : Transformer(network);
        Arena = new ParameterArena(model);
        var schedule = new LinearSchedule(opt.Contains("adam", StringComparison.Ordinal) ? 0.003 : 0.05, 0, 0, 1, 10, Batches);
        step = new TrainingStep(model, Arena, OptimizerFactory.Create(OptimizerName.Parse(opt), Arena, new() { WeightDecay = 0.05 }),
            new StepOptions(static (logits, labels) => Ops.CrossEntropy(logits, labels, 0.1))
            {
                Perturbation = new()
                {
                    Loss = static (logits, labels) => Ops.OutputBiasForget(logits, labels, 5, 1),
                    ChunkSize = shape.ChunkSize,
                    IsRandom = OptimizerName.Parse(opt).Perturbation == PerturbationKind.RandSam,
                },
                ClipNorm = 2,
            }, schedule, RhoPolicy.Constant(0.05));
        var random = new Random(17);
        for (int b = 0; b < Batches; b++)
        {
            Shape size = [shape.BatchSize, shape.ImageSize, shape.ImageSize, 3];
            float[] images = [.. Enumerable.Range(0, (int)size.Count).Select(_ => (2 * random.NextSingle()) - 1)];
            int[] labels = [.. Enumerable.Range(0, shape.BatchSize).Select(_ => random.Next(Classes))];
            batches.Add((Tensor.From(images, size, device), Tensor.From(labels, [shape.BatchSize], device)));
        }
    }

    public Device Device { get; }

    public ParameterArena Arena { get; }

    /// <summary>Training and perturbation loss of every step so far.</summary>
    public List<(double Loss, double PerturbLoss)> Losses { get; } = [];

    /// <summary>Trains on the next batches.</summary>
    public SmallRun Train(int steps)
    {
        for (int i = 0; i < steps; i++, next = (next + 1) % Batches)
        {
            step.Batch(batches[next].Images, batches[next].Labels, next, Batches);
            var report = step.Report();
            Losses.Add((report.MeanLoss, report.MeanPerturbLoss));
        }
        return this;
    }

    /// <summary>Asserts that losses, weights and running statistics are those of another run, relative to the larger loss and to the L2
    /// norm of all weights: some tensors alone are nothing but rounding that Adam has scaled up, as biases of attention's keys.</summary>
    public void AssertNear(SmallRun expected, double losses, double weights)
    {
        Assert.That(Losses, Has.Count.EqualTo(expected.Losses.Count).And.Count.GreaterThan(0));
        double worst = Losses.Zip(expected.Losses).Max(static pair =>
            Math.Max(Math.Abs(pair.First.Loss - pair.Second.Loss), Math.Abs(pair.First.PerturbLoss - pair.Second.PerturbLoss)) / Math
            .Max(pair.Second.Loss, Math.Abs(pair.Second.PerturbLoss)));
        double ofWeights = Deviation(State(isWeight: true), expected.State(isWeight: true));
        double ofStatistics = Deviation(State(isWeight: false), expected.State(isWeight: false));
        TestContext.Out.WriteLine($"{Device}: losses differ by {worst:E1}, weights by {ofWeights:E1}, statistics by {ofStatistics:E1}");
        Assert.That(worst, Is.LessThanOrEqualTo(losses), "relative deviation of the losses");
        Assert.That(ofWeights, Is.LessThanOrEqualTo(weights), "relative deviation of the weights");
        Assert.That(ofStatistics, Is.LessThanOrEqualTo(weights), "relative deviation of the running statistics");

        static double Deviation(double[] actual, double[] wanted) =>
            Math.Sqrt(actual.Zip(wanted, static (a, w) => (a - w) * (a - w)).Sum() / Math.Max(wanted.Sum(static w => w * w), 1e-12));
    }

    double[] State(bool isWeight) =>
        [.. model.State().Where(e => e.Tensor is Parameter == isWeight).SelectMany(static e => TinyModels.Read(e.Tensor))];

    public void Dispose()
    {
        foreach (var (images, labels) in batches)
        {
            images.Dispose();
            labels.Dispose();
        }
        step.Optimizer.Dispose();
        step.Dispose();
        Arena.Dispose();
    }

    static ResNet ResNet() =>
        new(new() { Layers = [1, 1], Channels = [8, 12], Bottleneck = false, Stem = ResNetStem.Cifar, NumClasses = Classes });

    VisionTransformer Transformer(string network) => new(new()
    {
        ImageHeight = shape.ImageSize,
        ImageWidth = shape.ImageSize,
        PatchSize = shape.ImageSize % 4 == 0 ? 4 : 3,
        Dim = network == "vit-narrow" ? 18 : 24,
        Depth = 2,
        Heads = 2,
        Drop = 0.1,
        NumClasses = Classes,
        Pooling = network == "vit" ? TokenPooling.Token : TokenPooling.Average,
    });
}

/// <summary>Images of a batch, pixels of a side, and images that share a perturbation.</summary>
sealed record SmallShape(int BatchSize, int ImageSize, int ChunkSize);
