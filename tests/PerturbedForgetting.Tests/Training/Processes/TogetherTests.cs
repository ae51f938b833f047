using System.Text.Json;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tests.Vision;
using PerturbedForgetting.Training;
using PerturbedForgetting.Training.Checkpoints;
using PerturbedForgetting.Training.Optimizers;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Progress;
using PerturbedForgetting.Training.Setup;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Loading;
using PerturbedForgetting.Vision.Transforms;

namespace PerturbedForgetting.Tests.Training.Processes;

/// <summary>Several processes train one model: what they do together is what one does alone.</summary>
[TestFixture]
sealed class TogetherTests : TempFolderFixture
{
    /// <summary>Five epochs of four updates without batch norm.</summary>
    static IEnumerable<TestCaseData> Methods()
    {
        yield return Case("obf", "sam_sgdw", o =>
            o with { PerturbLoss = PerturbLoss.OutputBiasForget, ObfC = 4, GradAccumSteps = 1, Epochs = 3 });
        yield return Case("gsam, clipped and accumulated", "sam_adamw", o => o with { GsamAlpha = 0.3, ClipGrad = 0.5 });
        yield return Case("random directions", "randsam_sgdw", o => o);
        yield return Case("random directions, accumulated gsam", "randsam_adamw", o => o with { GsamAlpha = 0.2, GradAccumSteps = 3 });

        static TestCaseData Case(string name, string opt, Func<TrainOptions, TrainOptions> change) => new TestCaseData(
            (Func<string, string, TrainOptions>)((output, experiment) => change(ShortRun.Transformer(output, experiment) with
            {
                Opt = OptimizerName.Parse(opt),
                Epochs = 5,
                Lr = 0.02,
                Rho = 0.1,
            }))).SetArgDisplayNames(name);
    }

    [TestCaseSource(nameof(Methods))]
    public void TwoRanksEqualOneWithGroupsOfTheirSize(Func<string, string, TrainOptions> options)
    {
        var one = ShortRun.Train(options(folder.Path, "one") with { BatchSize = 8, SharpnessM = 4 });
        var two = Together(2, options(folder.Path, "two") with { BatchSize = 4 });
        Assert.Multiple(() =>
        {
            RunFiles.AssertSameWeights(one.Folder, two[0].Folder);
            Assert.That(two[0].Epochs[^1].Validation.Top1, Is.EqualTo(one.Epochs[^1].Validation.Top1), "every image counts once");
            Assert.That(two[0].Epochs[^1].Validation.Loss, Is.EqualTo(one.Epochs[^1].Validation.Loss).Within(1e-6));
            Assert.That(two[0].Epochs[^1].Train.MeanLoss, Is.EqualTo(one.Epochs[^1].Train.MeanLoss).Within(1e-6));
            Assert.That(two[1].Epochs[^1].Validation, Is.EqualTo(two[0].Epochs[^1].Validation), "all know the result");
        });
    }

    /// <summary>Rounded gradients train as well, and the ranks stay the same; how far they are from others is the communicator's to
    /// say.</summary>
    [Test]
    public void RoundedGradientsAreTheSameInAllRanks([Values(1, 2)] int accumulation)
    {
        TrainOptions options = ShortRun.Transformer(folder.Path) with
        {
            BatchSize = 4,
            GradAccumSteps = accumulation,
            CommDtype = CommDtype.BFloat16,
            Opt = OptimizerName.Parse("sam_sgdw"),
        };
        float[][] weights = ThreadWorld.Run(2, world =>
        {
            using var parts = RunParts.Build(options with { WorldSize = 2 }, NullObserver.Instance, null, default, world);
            new TrainingRun(parts, null, new() { Run = "" }, NullObserver.Instance, default) { Begun = 0 }.Run();
            return parts.Arena.Weights.ToArray<float>();
        });
        float[] exact = ThreadWorld.Run(2, world =>
        {
            using var parts = RunParts.Build(options with { WorldSize = 2, CommDtype = CommDtype.Float32 }, NullObserver.Instance, null,
                default, world);
            new TrainingRun(parts, null, new() { Run = "" }, NullObserver.Instance, default) { Begun = 0 }.Run();
            return parts.Arena.Weights.ToArray<float>();
        })[0];
        Assert.That(weights[1], Is.EqualTo(weights[0]));
        Assert.That(weights[0], Is.Not.EqualTo(exact));
        // Each of some 14 steps of at most 0.1 times a gradient that is rounded to 2^-9.
        Assert.That(weights[0], Is.EqualTo(exact).Within(0.02));
    }

    [Test]
    public void RunningStatisticsAreSharedAsDistBnSays([Values] DistBn way)
    {
        var options = ShortRun.Options(folder.Path) with { BatchSize = 4, Epochs = 1, DistBn = way };
        double[][] statistics = ThreadWorld.Run(2, world =>
        {
            using var parts = RunParts.Build(options with { WorldSize = 2 }, NullObserver.Instance, null, default, world);
            RunPosition start = new() { Run = "" };
            new TrainingRun(parts, null, start, NullObserver.Instance, default) { Begun = 0 }.Run();
            return Statistics(parts);
        });
        double[][] apart = ThreadWorld.Run(2, world =>
        {
            using var parts = RunParts.Build(options with { WorldSize = 2, DistBn = DistBn.None }, NullObserver.Instance, null, default,
                world);
            new TrainingRun(parts, null, new() { Run = "" }, NullObserver.Instance, default) { Begun = 0 }.Run();
            return Statistics(parts);
        });
        Assert.That(apart[0], Is.Not.EqualTo(apart[1]), "each has its own images");
        for (int rank = 0; rank < 2; rank++)
        {
            double[] expected = way switch
            {
                DistBn.Reduce => [.. apart[0].Zip(apart[1], static (a, b) => (float)((a + b) / 2))],
                DistBn.Broadcast => apart[0],
                _ => apart[rank],
            };
            Assert.That(statistics[rank], Is.EqualTo(expected).Within(1e-6), $"rank {rank}");
        }

        static double[] Statistics(RunParts parts) =>
            [.. parts.Arena.Buffers!.ByType(parts.Arena.Buffers.Values).Where(static b => b.DType.IsFloating())
                .SelectMany(TinyModels.Read)];
    }

    [Test]
    public void EachImageIsMeasuredOnce([Values(2, 3, 5)] int ranks)
    {
        // 20 images in batches of 3 for each: the last round has none for some.
        var options = ShortRun.Options(folder.Path) with { BatchSize = 4, Epochs = 1, ValidationBatchSize = 3, Experiment = "ranks" };
        var together = Together(ranks, options);
        var alone = Validator.Run(new ValidateOptions
        {
            Checkpoint = Path.Combine(together[0].Folder, "last.safetensors"),
            BatchSize = 16,
            Workers = 0,
        }, NullObserver.Instance, default);
        Assert.That(together[0].Epochs[0].Validation.Top1, Is.EqualTo(alone.Metrics.Top1));
        Assert.That(together[0].Epochs[0].Validation.Loss, Is.EqualTo(alone.Metrics.Loss).Within(1e-6));
    }

    [Test]
    public void ManyMeasureWhatOneMeasures([Values(2, 3)] int ranks)
    {
        string trained = Path.Combine(ShortRun.Train(ShortRun.Options(folder.Path) with { Epochs = 1 }).Folder, "last.safetensors");
        ValidateOptions options = new() { Checkpoint = trained, BatchSize = 3, Workers = 0 };
        var alone = Validator.Run(options, NullObserver.Instance, default);
        var together = ThreadWorld.Run(ranks, world => Validator.Run(options, NullObserver.Instance, default, null, world));
        Assert.That(together.Select(static t => t.Metrics.Top1), Is.All.EqualTo(alone.Metrics.Top1));
        Assert.That(together.Select(static t => t.Metrics.Loss), Is.All.EqualTo(alone.Metrics.Loss).Within(1e-6));
        Assert.That(() => ThreadWorld.Run(ranks, world =>
                Validator.Run(options with { PerClass = folder["classes.csv"] }, NullObserver.Instance, default, null, world)),
            Throws.TypeOf<AggregateException>().With.InnerException.Message.Contains("one process"));
    }

    [Test]
    public void ManyCheckTheDataThatOneChecks([Values(2, 3)] int ranks)
    {
        string root = folder["images"];
        for (int i = 0; i < 11; i++)
        {
            string kind = Path.Combine(root, "train", i % 3 == 0 ? "a" : "b");
            Directory.CreateDirectory(kind);
            // A third of the files are none.
            if (i % 4 == 1)
                File.WriteAllText(Path.Combine(kind, $"{i}.png"), "no image");
            else
                File.WriteAllBytes(Path.Combine(kind, $"{i}.png"), TestImages.Png(4 + i, 5));
        }
        TrainOptions options = new() { DataDir = root, ValSplit = "" };
        string alone = JsonSerializer.Serialize(DataCheck.Run(options, NullObserver.Instance, default));
        foreach (var reports in ThreadWorld.Run(ranks, world => DataCheck.Run(options, NullObserver.Instance, default, world)))
            Assert.That(JsonSerializer.Serialize(reports), Is.EqualTo(alone));
    }

    [Test]
    public void StoppedAtOneUpdateAndContinued([Values] bool withBatchNorm, [Values(2, 1)] int ranksThen)
    {
        if (withBatchNorm && ranksThen == 1)
            return;
        Func<string, string, TrainOptions> make = withBatchNorm ? ShortRun.Options : ShortRun.Transformer;
        TrainOptions options = make(folder.Path, "whole") with { BatchSize = 4, Opt = OptimizerName.Parse("sam_sgdw"), Rho = 0.1 };
        var whole = Together(2, options);
        int begun = 0;
        var stopped = ThreadWorld.Run(2, world => Trainer.Train(options with { Experiment = "stopped" }, NullObserver.Instance, default,
            null, world, _ =>
            {
                // The second alone wants to stop, in the second epoch.
                if (world.Rank == 1 && ++begun == 9)
                    world.RequestStop();
            }).Result);
        Assert.That(stopped.Select(static s => s.Status), Is.All.EqualTo(TrainStatus.Interrupted));
        var rest = options with { Experiment = "stopped", Resume = "auto" };
        var continued = ranksThen == 2 ? Together(2, rest)[0] : ShortRun.Train(rest with { BatchSize = 8, SharpnessM = 4 });
        RunFiles.AssertSameWeights(whole[0].Folder, continued.Folder);
    }

    [Test]
    public void ASmallerOrLargerBatchOfAllIsRefusedWithinAnEpoch()
    {
        TrainOptions options = ShortRun.Transformer(folder.Path) with { BatchSize = 4 };
        ThreadWorld.Run(2, world => Trainer.Train(options, NullObserver.Instance, default, null, world, _ => world.RequestStop()).Result);
        Assert.That(() => ShortRun.Train(options with { Resume = "auto" }), Throws.TypeOf<OptionException>().With.Message.Contains("8"));
    }

    [Test]
    public void RanksTakeTheirPartOfEachBatch([Values(1, 2, 3)] int ranks)
    {
        using var data = DatasetFactory.Open("builtin/shapes:train=50,val=7,size=16", "", "train", new DatasetOptions());
        var transform = new EvalTransform(16, 16, 1, Interpolation.Bilinear);
        int[][][] parts = [.. Enumerable.Range(0, ranks).Select(rank => Batches(12 / ranks, rank, ranks))];
        int[][] whole = Batches(12, 0, 1);
        Assert.That(parts.Select(static p => p.Length), Is.All.EqualTo(4));
        for (int b = 0; b < 4; b++)
            Assert.That(parts.SelectMany(p => p[b]), Is.EqualTo(whole[b]), $"batch {b}");

        int[][] Batches(int size, int rank, int count)
        {
            using var loader = new ImageLoader(data, transform, LoaderOptions.Training(size, 2, 7) with { Rank = rank, Ranks = count });
            return [.. loader.Epoch(3).Select(static b => b.Indices.ToArray())];
        }
    }

    static TrainResult[] Together(int ranks, TrainOptions options) =>
        ThreadWorld.Run(ranks, world => Trainer.Run(options, new RecordingObserver(), default, null, world));
}
