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

    static IEnumerable<TestCaseData> Forms => new (StudiedPerturbation Kind, PerturbationForm Form)[]
    {
        (StudiedPerturbation.Obf, PerturbationForm.Plain with { Steps = 3 }),
        (StudiedPerturbation.Maximize, PerturbationForm.Plain with { Asam = AsamPlace.Before }),
        (StudiedPerturbation.Maximize, PerturbationForm.Plain with { Asam = AsamPlace.After, Eta = 0.1 }),
        (StudiedPerturbation.Random, PerturbationForm.Plain with { Asam = AsamPlace.Both, Eta = 0.01, Scaled = AsamParameters.Weight }),
        (StudiedPerturbation.Random, PerturbationForm.Plain with { Moved = PerturbedParameters.Norm }),
        (StudiedPerturbation.Maximize, PerturbationForm.Plain with { Norm = PerturbationNorm.None, Asam = AsamPlace.Before }),
        (StudiedPerturbation.ObfSoftmax,
            new(2, AsamPlace.Both, 0.1, AsamParameters.Weight, PerturbedParameters.NoNorm, PerturbationNorm.L2)),
    }.Select(static c => new TestCaseData(c.Kind, c.Form).SetArgDisplayNames($"{c.Kind}{c.Form}"));

    /// <summary>What is added to the weights, beside the formulas of docs/perturbations.md on plain arrays of float64.</summary>
    [TestCaseSource(nameof(Forms))]
    public void FormsAreThoseOfTheFormulas(StudiedPerturbation kind, PerturbationForm form)
    {
        var model = Model();
        using var perturbed = new PerturbedModel(model, CrossEntropy, usesBatchStatistics: false, seed: 1);
        double[] w = Weights(model), actual = Added(perturbed, model, Case(kind) with { Form = form }, out double norm);
        // A random direction is that of the plain form, whose length does not matter to a norm.
        double[] random = kind == StudiedPerturbation.Random ? Added(perturbed, model, Case(kind), out _) : [];

        var other = Model();
        other.Train(false);
        double[] moved = w;
        for (int step = 0; step < form.Steps; step++)
            moved = [.. moved.Zip(Step(kind == StudiedPerturbation.Random ? random : Gradient(other, kind, moved), other, moved, form),
                static (x, e) => x + e)];
        double[] expected = [.. moved.Zip(w, static (x, y) => x - y)];

        double off = Length([.. actual.Zip(expected, static (a, e) => a - e)]), length = Length(expected);
        TestContext.Out.WriteLine($"off by {off / length:E1} of {length:G4}");
        // Float32 gradients, in other orders of their sums, and the rounding of each weight where it is written, once a step.
        Assert.That(off, Is.LessThan((2e-5 * length) + (form.Steps * 6e-8 * Length(w))));
        Assert.That(norm, Is.EqualTo(length).Within(2e-5 * length));
        Assert.That(Weights(model), Is.EqualTo(w), "put back");
    }

    double[] Added(PerturbedModel perturbed, ImageModel model, PerturbationCase perturbation, out double norm)
    {
        var (images, labels) = Batch();
        double[] before = Weights(model), after = [];
        norm = perturbed.Perturb(perturbation, images, labels, 0, () => after = Weights(model));
        return [.. after.Zip(before, static (a, b) => a - b)];
    }

    /// <summary>ρ/K T·T·d / ‖T·d‖ and its kin.</summary>
    static double[] Step(double[] d, ImageModel model, double[] w, PerturbationForm form)
    {
        var names = model.NamedParameters().SelectMany(static p => Enumerable.Repeat(p.Name, (int)p.Parameter.Count)).ToArray();
        double[] t = [.. w.Select((x, i) => form.Asam == AsamPlace.Off
            || (form.Scaled == AsamParameters.Weight && !names[i].EndsWith("weight", StringComparison.Ordinal))
                ? 1
                : Math.Abs(x) + form.Eta)];
        double[] inner = [.. d.Select((x, i) => !IsMoved(names[i]) ? 0 : form.Asam is AsamPlace.Before or AsamPlace.Both ? t[i] * x : x)];
        double by = Rho / form.Steps / (form.Norm == PerturbationNorm.None ? 1 : Length(inner) + 1e-12);
        return [.. inner.Select((x, i) => by * (form.Asam is AsamPlace.After or AsamPlace.Both ? t[i] * x : x))];

        bool IsMoved(string name) => form.Moved == PerturbedParameters.All
            || name.Split('.')[^2].StartsWith("bn", StringComparison.Ordinal) == (form.Moved == PerturbedParameters.Norm);
    }

    double[] Gradient(ImageModel model, StudiedPerturbation kind, double[] at)
    {
        var (images, labels) = Batch();
        using var scope = Scope.Begin();
        int first = 0;
        foreach (var (_, parameter) in model.NamedParameters())
        {
            parameter.ClearGrad();
            parameter.CopyFrom<float>([.. at.AsSpan(first, (int)parameter.Count).ToArray().Select(static x => (float)x)]);
            first += (int)parameter.Count;
        }
        var objective = kind == StudiedPerturbation.Maximize ? CrossEntropy(model.Call(images), labels)
            : Ops.OutputBiasForget(model.Call(images), labels, Classes, 0.7, sigmoid: kind == StudiedPerturbation.Obf);
        objective.Backward();
        return [.. model.NamedParameters().SelectMany(static p => p.Parameter.Grad!.ToArray<float>()).Select(static g => (double)g)];
    }

    static double[] Weights(ImageModel model) =>
        [.. model.NamedParameters().SelectMany(static p => p.Parameter.ToArray<float>()).Select(static x => (double)x)];

    static double Length(double[] a) => Math.Sqrt(a.Sum(static x => x * x));

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
