using System.Globalization;
using System.Text.Json;
using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Training;
using PerturbedForgetting.Training.Checkpoints;
using PerturbedForgetting.Training.Hessian;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Runs;

namespace PerturbedForgetting.Tests.Training.Hessian;

/// <summary>The command <c>hessian</c> on the checkpoint of a short run.</summary>
[TestFixture]
sealed class HessianAnalyzerTests : TrainedRunFixture
{
    protected override TrainOptions Choose(TrainOptions options) => options with { Smoothing = 0.1, BceLoss = true };

    HessianOptions Options() => new() { Checkpoint = Last, Workers = 0, Iterations = 30 };

    HessianReport Run(HessianOptions options, RecordingObserver? observer = null, CancellationToken token = default) =>
        HessianAnalyzer.Run(options, observer ?? new RecordingObserver(), token);

    [Test]
    public void TheCheckpointTellsModelLossAndImages()
    {
        var observer = new RecordingObserver();
        var report = Run(Options(), observer);
        Assert.Multiple(() =>
        {
            Assert.That(report.Subject.Model, Is.EqualTo("resnet20"));
            Assert.That(report.Subject.Images, Is.EqualTo(56), "what it was trained on");
            Assert.That(report.Subject.Loss, Is.EqualTo("binary cross entropy (sum_mean), label smoothing 0.1"));
            Assert.That(report.IsComplete);
            Assert.That(report.Eigenvalues!.Search.IsComplete, string.Join('\n', observer.Messages));
            Assert.That(report.GradientNorm, Is.Positive);
            Assert.That(report.Trace, Is.Null);
            Assert.That(observer.Messages, Has.Some.Contain("Images are prepared as in training"));
        });
        // Loss and eigenvalue hang on neither batches nor their order.
        var other = Run(Options() with { BatchSize = 5, Seed = 3, Block = 2 });
        Assert.That(other.Loss, Is.EqualTo(report.Loss).Within(1e-6));
        double value = report.Eigenvalues!.Search.Estimates[0].Value;
        Assert.That(other.Eigenvalues!.Search.Estimates[0].Value, Is.EqualTo(value).Within(1e-4 * Math.Abs(value)));
    }

    [Test]
    public void EverythingIsWritten()
    {
        string stem = folder["all/hessian"], vectors = folder["all/vectors.safetensors"];
        var report = Run(Options() with
        {
            Eigenvalues = 2,
            Which = EigenvaluesWanted.Both,
            Tol = 0.02,
            Trace = 3,
            Density = 2,
            DensitySteps = 3,
            Rho = [0.01, 0.1],
            SharpnessM = [4],
            Out = stem,
            Eigenvectors = vectors,
        });
        using var json = JsonDocument.Parse(File.ReadAllText(stem + ".json"));
        var root = json.RootElement;
        string[] csv = File.ReadAllLines(stem + ".csv");
        Assert.Multiple(() =>
        {
            Assert.That(root.GetProperty("complete").GetBoolean());
            Assert.That(root.GetProperty("eigenvalues").GetProperty("values").EnumerateArray()
                    .Select(v => v.GetProperty("value").GetDouble()),
                Is.EqualTo(report.Eigenvalues!.Search.Estimates.Select(static e => e.Value)));
            Assert.That(root.GetProperty("trace").GetProperty("vectors").GetInt32(), Is.EqualTo(3));
            Assert.That(root.GetProperty("sharpness").GetArrayLength(), Is.EqualTo(4));
            Assert.That(csv[0], Is.EqualTo("quantity,index,value,error,converged"));
            Assert.That(csv.Select(l => l.Split(',').Length), Has.All.EqualTo(5));
            Assert.That(csv.Count(l => l.StartsWith("eigenvalue,", StringComparison.Ordinal)), Is.EqualTo(4));
            Assert.That(Column(stem + ".trace.csv", 2).Sum(), Is.EqualTo(report.Trace!.Trace.Value).Within(1e-9));
            Assert.That(Column(stem + ".nodes.csv", 2).Sum(), Is.EqualTo(2).Within(1e-9), "the weights of each vector add up to 1");
            Assert.That(Column(stem + ".density.csv", 0), Is.Ordered);
            Assert.That(File.ReadAllBytes(stem + ".density.png")[..4], Is.EqualTo(new byte[] { 0x89, (byte)'P', (byte)'N', (byte)'G' }));
        });
        // The step along the whole gradient is what gradient and curvature let expect, where it is short.
        var near = report.Sharpness[0];
        Assert.That((near.Rho, near.M, near.Groups), Is.EqualTo((0.01, 0, 1)));
        Assert.That(near.Increase, Is.EqualTo(near.Predicted!.Value).Within(0.05 * near.Predicted.Value));
        Assert.That((report.Sharpness[1].M, report.Sharpness[1].Groups), Is.EqualTo((4, 14)));
        Assert.That(report.Sharpness[1].Increase, Is.GreaterThan(near.Increase), "each group climbs its own gradient");

        using var model = SafetensorsFile.Open(Last);
        using var file = SafetensorsFile.Open(vectors);
        string[] parameters = [.. model.Names.Where(n => file.Names.Contains($"0.{n}"))];
        Assert.That(file.Names, Has.Count.EqualTo(4 * parameters.Length));
        Assert.That(parameters, Does.Contain("conv1.weight").And.Contains("fc.bias"));
        double[][] all = [.. Enumerable.Range(0, 4).Select(i => parameters.SelectMany(name =>
        {
            var entry = file.Entry($"{i}.{name}");
            Assert.That(entry.Shape.ToArray(), Is.EqualTo(model.Entry(name).Shape.ToArray()));
            var values = new float[entry.Count];
            entry.ReadFloat32(values);
            return values.Select(static v => (double)v);
        }).ToArray())];
        for (int i = 0; i < 4; i++)
            for (int j = 0; j < 4; j++)
                Assert.That(all[i].Zip(all[j], static (a, b) => a * b).Sum(), Is.EqualTo(i == j ? 1 : 0).Within(1e-4));
        Assert.That(JsonSerializer.Deserialize<double[]>(file.Metadata["eigenvalues"]), Has.Length.EqualTo(4));
    }

    [Test]
    public void AnInterruptionLeavesWhatWasFound()
    {
        string stem = folder["part"];
        using var source = new CancellationTokenSource();
        var observer = new RecordingObserver();
        // The first file is written when the loss is known.
        Assert.That(() => Run(Options() with { Out = stem + ".json", Trace = 1_000, Eigenvalues = 0 }, observer, Soon(source, stem)),
            Throws.InstanceOf<OperationCanceledException>());
        using var json = JsonDocument.Parse(File.ReadAllText(stem + ".json"));
        Assert.That(json.RootElement.GetProperty("complete").GetBoolean(), Is.False);
        Assert.That(json.RootElement.GetProperty("loss").GetDouble(), Is.Positive);
        Assert.That(observer.Messages, Has.Some.Contain("ended early"));
    }

    [Test]
    public void AFolderOfARunMeansItsLastCheckpoint()
    {
        var report = Run(Options() with { Checkpoint = run.Folder, Eigenvalues = 0 });
        Assert.That(Path.GetFullPath(report.Subject.Checkpoint!), Is.EqualTo(Path.GetFullPath(Last)));
        Assert.That(() => Run(Options() with { Checkpoint = folder.Path }), Throws.TypeOf<RunException>());
        Assert.That(() => Run(Options() with { Checkpoint = folder["none.safetensors"] }), Throws.TypeOf<CheckpointException>());
    }

    [Test]
    public void OtherImagesAndFewerOfThem()
    {
        Assert.That(Run(Options() with { Split = "validation", Eigenvalues = 0 }).Subject.Images, Is.EqualTo(20));
        var some = Run(Options() with { Images = 11, Eigenvalues = 0 });
        var others = Run(Options() with { Images = 11, Eigenvalues = 0, Seed = 1 });
        Assert.That(some.Subject.Images, Is.EqualTo(11));
        Assert.That(others.Loss, Is.Not.EqualTo(some.Loss));
        Assert.That(Run(Options() with { Images = 1000, Eigenvalues = 0 }).Subject.Images, Is.EqualTo(56));
    }

    [Test]
    public void WhatCannotBeIsRefusedBeforeAnyWork()
    {
        Assert.That(() => Run(Options() with { Eigenvectors = folder["v.pth"] }),
            Throws.TypeOf<OptionException>().With.Message.Contains(".safetensors"));
        Assert.That(() => Run(Options() with { Out = folder.Path + "/" }),
            Throws.TypeOf<OptionException>().With.Message.Contains("folder"));
        Assert.That(() => Run(Options() with { Rho = [0.1], SharpnessM = [3] }),
            Throws.TypeOf<OptionException>().With.Message.Contains("--sharpness-m: 3 does not divide --batch-size 8"));
        Assert.That(() => Run(new HessianOptions()), Throws.TypeOf<OptionException>().With.Message.Contains("no data"));
    }

    /// <summary>The bit of the reference: eigenvalue of the loss that is asked for, over the split, printed as Python prints it.</summary>
    [Test]
    public void ValidatePrintsTheDominantEigenvalue()
    {
        var observer = new RecordingObserver();
        var options = new ValidateOptions
        {
            Checkpoint = Last,
            Split = "train",
            Workers = 0,
            ValidateHessian = true,
            BceLoss = true,
            Smoothing = 0.1,
            SharpnessTol = 1e-5,
        };
        var result = HessianAnalyzer.Dominant(options, observer, CancellationToken.None, null);
        var found = result.Found;
        double value = Run(Options() with { Tol = 1e-4 }).Eigenvalues!.Search.Estimates[0].Value;
        Assert.That(found.Value, Is.EqualTo(value).Within(1e-3 * Math.Abs(value)));
        Assert.That(result.Images, Is.EqualTo(56));
        Assert.That(DominantEigenvalue.Line(result.Json),
            Is.EqualTo("Dominant eigenvalue:  " + found.Value.ToString("R", CultureInfo.InvariantCulture)));
        Assert.That(observer.Messages, Has.Some.Contain("residual").And.Contain("PyHessian returns the value before"));
        Assert.That(observer.Messages, Has.None.Contain("what the model was trained on"));
        HessianAnalyzer.Dominant(options with { BceLoss = false, SharpnessIters = 1 }, observer, CancellationToken.None, null);
        Assert.That(observer.Messages, Has.Some.Contain("Not the loss of the training: --bce-loss"));
        Assert.That(observer.Messages, Has.Some.Contain("did not converge in 1 pass"));
    }

    /// <summary><c>--sharpness-iters</c> and <c>--sharpness-tol</c>: after so many products at most, and at the first whose λ differs from
    /// that of the one before by less than the tolerance, |λ' - λ| / (|λ'| + 10⁻⁶); PyHessian then returns the one before.</summary>
    [Test]
    public void PowerIterationEndsAsInTheReference()
    {
        var options = new ValidateOptions
        {
            Checkpoint = Last,
            Split = "validation",
            Workers = 0,
            ValidateHessian = true,
            SharpnessTol = 1e-15,
        };
        DominantEigenvalue[] cut = [.. Enumerable.Range(1, 4).Select(n => Find(options with { SharpnessIters = n }))];
        Assert.That(cut.Select(static c => c.Passes), Is.EqualTo(Enumerable.Range(1, 4)));
        Assert.That(cut.Select(static c => c.Found.HasConverged), Has.All.False);
        double[] values = [.. cut.Select(static c => c.Found.Value)];
        double[] changes = [.. values.Skip(1).Zip(values, static (now, before) => Math.Abs(before - now) / (Math.Abs(before) + 1e-6))];
        double tolerance = 1.001 * changes.Min();
        int end = 1 + Array.FindIndex(changes, c => c < tolerance);

        var ended = Find(options with { SharpnessTol = tolerance });
        Assert.That((ended.Passes, ended.Found.HasConverged), Is.EqualTo((end + 1, true)));
        Assert.That((ended.Found.Value, ended.BeforeLast), Is.EqualTo((values[end], values[end - 1])), "the same products");

        static DominantEigenvalue Find(ValidateOptions options) =>
            HessianAnalyzer.Dominant(options, new RecordingObserver(), CancellationToken.None, null);
    }

    static double[] Column(string path, int column) =>
        [.. File.ReadLines(path).Skip(1).Select(l => double.Parse(l.Split(',')[column], CultureInfo.InvariantCulture))];

    /// <summary>A token that is cancelled once a file is there.</summary>
    static CancellationToken Soon(CancellationTokenSource source, string stem)
    {
        Task.Run(async () =>
        {
            while (!File.Exists(stem + ".csv"))
                await Task.Delay(1);
            await source.CancelAsync();
        });
        return source.Token;
    }
}
