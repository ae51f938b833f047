using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Training.Forgetting;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Updates;
using PerturbedForgetting.Vision.Models;

namespace PerturbedForgetting.Tests.Training.Forgetting;

/// <summary>The weights move as the formulas say, and come back.</summary>
[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Names))]
sealed class PerturbedModelTests(string device) : DeviceFixture(device)
{
    const int Images = 6, Classes = 4, Size = 8;
    const double Rho = 0.3;

    static readonly LossFunction CrossEntropy = static (logits, labels) => Ops.CrossEntropy(logits, labels, 0.1);

    ImageModel Model()
    {
        using (Initialization.Begin(3, Device))
            return ModelRegistry.Create("resnet20", new ModelOptions
            {
                NumClasses = Classes,
                ImageSize = Size,
                Kwargs = new Dictionary<string, string> { ["layers"] = "[1,1,1]" },
            });
    }

    (Tensor Images, Tensor Labels) Batch()
    {
        var random = new System.Random(5);
        float[] pixels = [.. Enumerable.Range(0, Images * Size * Size * 3).Select(_ => (float)(2 * random.NextDouble() - 1))];
        var images = Tensor.Persistent([Images, Size, Size, 3], device: Device).CopyFrom<float>(pixels);
        var labels = Tensor.Persistent([Images], DType.Int32, Device).CopyFrom<int>([0, 1, 2, 3, 1, 0]);
        return (images, labels);
    }

    static PerturbationCase Case(StudiedPerturbation kind) => StudiedPerturbations.IsOutputBias(kind)
        ? new(kind, Rho, Images, 0.7, Classes)
        : new(kind, Rho, Images);

    /// <summary>The gradient is taken and the weights are moved by hand, in a model of their own, and that model says the same.</summary>
    [TestCase(StudiedPerturbation.Maximize, true)]
    [TestCase(StudiedPerturbation.Obf, false)]
    [TestCase(StudiedPerturbation.ObfSoftmax, true)]
    public void OutputsAreThoseOfWeightsMovedByHand(StudiedPerturbation kind, bool usesBatchStatistics)
    {
        var (images, labels) = Batch();
        using var perturbed = new PerturbedModel(Model(), CrossEntropy, usesBatchStatistics, seed: 1);
        float[] seen = [];
        double loss = 0;
        double norm = perturbed.Perturb(Case(kind), images, labels, 0, () =>
        {
            var outputs = perturbed.Evaluate([(images, labels)], Images, static _ => { }, CancellationToken.None);
            seen = [.. Enumerable.Range(0, Images).SelectMany(i => outputs.Logits(i).ToArray())];
            loss = outputs.Loss;
        });

        var model = Model();
        model.Train(usesBatchStatistics);
        float[] expected;
        using (Scope.Begin())
        using (BatchNormStatistics.Hold())
        {
            var objective = kind == StudiedPerturbation.Maximize ? CrossEntropy(model.Call(images), labels)
                : Ops.OutputBiasForget(model.Call(images), labels, Classes, 0.7, sigmoid: kind == StudiedPerturbation.Obf);
            objective.Backward();
            var parameters = model.NamedParameters().Select(static p => p.Parameter).ToArray();
            double squares = parameters.Sum(static p => p.Grad!.ToArray<float>().Sum(static g => (double)g * g));
            foreach (var parameter in parameters)
            {
                float[] w = parameter.ToArray<float>(), g = parameter.Grad!.ToArray<float>();
                parameter.CopyFrom<float>([.. w.Select((v, i) => (float)(v + Rho * g[i] / Math.Sqrt(squares)))]);
            }
            var logits = model.Call(images);
            expected = logits.ToArray<float>();
            // Rounding of float32 through nine layers, in the two orders of the sums: relative to the largest logit.
            Assert.That(loss, Is.EqualTo(CrossEntropy(logits, labels).Item()).Within(2e-5 * Math.Abs(expected.Max(Math.Abs))));
        }
        Assert.That(seen, Is.EqualTo(expected).Within(2e-5 * expected.Max(Math.Abs)));
        // The difference of weights near 0.1 is rounded at 1e-8 each.
        Assert.That(norm, Is.EqualTo(Rho).Within(1e-5));
    }

    [Test]
    public void RandomDirectionsAreAsLongAndDifferByTheirNumber()
    {
        var (images, labels) = Batch();
        using var perturbed = new PerturbedModel(Model(), CrossEntropy, usesBatchStatistics: false, seed: 1);
        double[] losses = [.. new[] { 0, 1, 0 }.Select(number =>
        {
            double loss = 0;
            double norm = perturbed.Perturb(Case(StudiedPerturbation.Random), images, labels, number,
                () => loss = Loss(perturbed, images, labels));
            Assert.That(norm, Is.EqualTo(Rho).Within(1e-5));
            return loss;
        })];
        Assert.That(losses[0], Is.EqualTo(losses[2]));
        Assert.That(losses[0], Is.Not.EqualTo(losses[1]));
    }

    [TestCase(StudiedPerturbation.Maximize)]
    [TestCase(StudiedPerturbation.Random)]
    public void NothingIsLeftBehind(StudiedPerturbation kind)
    {
        var (images, labels) = Batch();
        var model = Model();
        using var perturbed = new PerturbedModel(model, CrossEntropy, usesBatchStatistics: true, seed: 1);
        double before = Loss(perturbed, images, labels);
        float[] state = State();
        perturbed.Perturb(Case(kind), images, labels, 0, static () => { });
        Assert.That(Loss(perturbed, images, labels), Is.EqualTo(before));
        Assert.That(State().AsSpan().SequenceEqual(state));
        Assert.That(() => perturbed.Perturb(Case(kind), images, labels, 0, static () => throw new OperationCanceledException()),
            Throws.InstanceOf<OperationCanceledException>());
        Assert.That(State().AsSpan().SequenceEqual(state), "ended while the weights were perturbed");

        float[] State() =>
            [.. model.State().Where(static e => e.Tensor.DType == DType.Float32).SelectMany(static e => e.Tensor.ToArray<float>())];
    }

    [Test]
    public void ARadiusOfZeroChangesNothing()
    {
        var (images, labels) = Batch();
        using var perturbed = new PerturbedModel(Model(), CrossEntropy, usesBatchStatistics: false, seed: 1);
        double before = Loss(perturbed, images, labels), after = double.NaN;
        double norm = perturbed.Perturb(Case(StudiedPerturbation.Obf) with { Rho = 0 }, images, labels, 0,
            () => after = Loss(perturbed, images, labels));
        Assert.That((norm, after), Is.EqualTo((0.0, before)));
    }

    static double Loss(PerturbedModel perturbed, Tensor images, Tensor labels) =>
        perturbed.Evaluate([(images, labels)], Images, static _ => { }, CancellationToken.None).Loss;
}
