using System.Text.RegularExpressions;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Training.Optimizers;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Progress;
using PerturbedForgetting.Training.Setup;

namespace PerturbedForgetting.Tests.Training.Options;

/// <summary>What surprises in the reference, one by one: each is followed, which tests show, or docs/differences.md says what is done
/// instead.</summary>
[TestFixture]
sealed partial class ReferenceQuirksTests
{
    enum Fate
    {
        Followed,
        Otherwise,
        None,
    }

    const string Trajectories = "TrajectoryTests.EqualsTheReference", Networks = "WholeNetworkStepTests.EqualsTheReferenceInFloat64";

    /// <summary>By the numbers of the table in the document; with tests that show what is done here.</summary>
    static readonly (int Number, Fate Fate, string[] Tests)[] quirks =
    [
        (1, Fate.Followed, [Trajectories, Networks]),
        (2, Fate.Followed, [Trajectories]),
        (3, Fate.Followed,
            ["ScheduleTests.AShortLastWindowIsAMeanOverItsOwnBatches", "SharpnessReportTests.TheLastWindowIsAMeanOverItsOwnBatch"]),
        (4, Fate.Followed,
            ["TrainerTests.TheAveragesOfTheReferenceBeginAgain", "TrainerTests.TheMeanPerturbationLossHasTheSignOfTheReferences"]),
        (5, Fate.Followed, ["SharpnessReportTests.OnlyTheCleanPassUpdatesRunningStatistics", Networks]),
        (6, Fate.Followed, ["ReferenceQuirksTests.EachPassDrawsAMaskOfItsOwn"]),
        (7, Fate.Otherwise, ["SharpnessReportTests.FrozenParametersAreNeitherMovedNorUpdated", Trajectories]),
        (8, Fate.Otherwise, ["SharpnessReportTests.AccumulationCostsOneSumInFloat64"]),
        (9, Fate.None, []),
        (10, Fate.Followed, ["SharpnessReportTests.TheSecondGradientIsThatAtThePerturbedWeightsAlone"]),
        (11, Fate.Followed, ["ReferenceQuirksTests.DecayIsForWhatTheReferenceDecays"]),
        (12, Fate.Followed, ["TrainerTests.TheLoggedRateFollowsTheSchedule", "SharpnessReportTests.TheWeightsMoveByTheReportedRate"]),
        (13, Fate.Otherwise, ["ResumeTests.ANewLearningRateIsUsedFromTheFirstUpdateOn"]),
        (14, Fate.Otherwise, ["CheckpointFolderTests.TheBestEpochSurvivesAResume"]),
        (15, Fate.Otherwise, ["ResumeTests.TheExperimentIsEnoughToContinue"]),
        (16, Fate.Followed, ["OptionRulesTests.AnOptionWithoutEffectIsNotedButAccepted"]),
        (17, Fate.Followed, [Trajectories]),
        (18, Fate.Followed, ["ResumeTests.AContinuedRunEqualsOneThatWasNeverStopped"]),
        (19, Fate.Otherwise, ["ReevaluationTests.TheTestSizeIsForThoseWhoAskForIt"]),
        (20, Fate.Followed, ["SoftwareGpuTrainingTests.TensorCoresRoundToEleventhBits"]),
        (21, Fate.Otherwise, ["TrainerTests.ARunLeavesOptionsSummaryResultsCurvesAndCheckpoints"]),
        (22, Fate.Otherwise, ["ProgressViewTests.ASingleUpdateAnEpochIsShown"]),
        (23, Fate.Otherwise, ["ModelRegistryTests.WrongOptionsAreRefused"]),
        (24, Fate.Otherwise, ["OptionRulesTests.AWrongValueIsAnErrorThatSaysWhat", "CommandLineTests.EveryOptionOfTheTablesIsBound"]),
        (25, Fate.Otherwise, ["ImageLoaderTests.SeedAndEpochDecideOrderAndAugmentation"]),
        (26, Fate.None, []),
        (27, Fate.Followed, []),
        (28, Fate.None, []),
    ];

    [Test]
    public void TheDocumentSaysOfEachWhatBecomesOfIt()
    {
        var rows = Row().Matches(SourceTree.Page("differences.md"));
        Assert.That(rows.Select(static r => (int.Parse(r.Groups["number"].Value), r.Groups["fate"].Value)),
            Is.EqualTo(quirks.Select(static q => (q.Number, q.Fate switch
            {
                Fate.Followed => "followed",
                Fate.Otherwise => "otherwise",
                _ => "nothing of the kind",
            }))));
        Assert.That(quirks.Select(static q => q.Number), Is.EqualTo(Enumerable.Range(1, 28)));
    }

    [Test]
    public void TheTestsThatShowItAreThere()
    {
        foreach (string test in quirks.SelectMany(static q => q.Tests))
            Assert.That(NamedTests.Exists(test), test);
    }

    /// <summary>The reference's rule: no decay of what has one dimension or none, is called a bias, or is a position embedding or a class
    /// token.</summary>
    [TestCase("resnet20", "layers=[1,1,1]")]
    [TestCase("vit_tiny_patch4_32", "embed_dim=16 depth=1 num_heads=2 class_token=True")]
    public void DecayIsForWhatTheReferenceDecays(string model, string arguments)
    {
        using var parts = Parts(o =>
        {
            o.Model = model;
            RunOptions.ModelKwargsOption.Set(o, OptionValue.Parse(RunOptions.ModelKwargsOption, arguments.Split(' ')));
        });
        foreach (var (name, tensor) in parts.Model.State())
        {
            if (tensor is not Parameter)
                continue;
            bool isDecayed = !(tensor.Shape.Rank <= 1 || name.EndsWith(".bias") || name is "pos_embed" or "cls_token");
            var segment = parts.Arena.Segments.Single(s => s.Name == name);
            Assert.That(WeightDecay.AppliesTo(segment), Is.EqualTo(isDecayed), name);
        }
    }

    /// <summary>A step of SAM draws one mask for the perturbation and another for the gradient, of each group.</summary>
    [TestCase("sgdw", 8, 1)]
    [TestCase("sam_sgdw", 8, 2)]
    [TestCase("sam_sgdw", 4, 4)]
    [TestCase("randsam_sgdw", 8, 2)]
    public void EachPassDrawsAMaskOfItsOwn(string opt, int group, int masks)
    {
        using var parts = Parts(o => (o.Opt, o.SharpnessM, o.Drop) = (OptimizerName.Parse(opt), group, 0.5));
        var batch = parts.Input.Epoch(parts.TrainingLoader, 0).First();
        parts.Model.Train();
        parts.Step.Batch(batch.Images, batch.Labels, 0, 1);
        Assert.That(DropoutStream.Of(parts.Model).Select(static d => d.Calls), Is.EqualTo(new[] { (ulong)masks }));
    }

    static RunParts Parts(Action<TrainOptions> change)
    {
        var options = ShortRun.Options("") with { Device = "cpu", Rho = 0.05, Drop = 0 };
        change(options);
        return RunParts.Build(options, NullObserver.Instance, null, default);
    }

    [GeneratedRegex(@"^\| (?<number>\d+) \| .+ \| (?<fate>followed|otherwise|nothing of the kind)\b", RegexOptions.Multiline)]
    private static partial Regex Row();
}
