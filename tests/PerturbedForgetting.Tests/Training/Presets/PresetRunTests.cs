using System.Text.Json;
using PerturbedForgetting.Tests.Reference;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Presets;

namespace PerturbedForgetting.Tests.Training.Presets;

/// <summary>
/// One preset of each family of optimisers, run on toy models and images: the learning rate and the radius of every update, in the order in
/// which the updates come, are those that the reference computed for this schedule (<c>schedule.json</c>). Only models, images, batches and
/// the number of epochs are another's.
/// </summary>
[TestFixture]
sealed class PresetRunTests : TempFolderFixture
{
    // The reference's settings of a ResNet with one update an epoch: lr 1.6 to 0.016, 16 epochs of warm-up from 0, rho 0.04 to 0.02.
    const string ResNet = "grid_w16_u1_min0.016_", ViT = "vit_imagenet", FineTuning = "finetune_resnet";

    /// <param name="name">The preset.</param>
    /// <param name="schedule">Settings of the reference that have its learning rates and radii.</param>
    /// <param name="firstEpoch">Where the run begins.</param>
    /// <param name="updates">After how many updates it is stopped.</param>
    /// <param name="perturbs">Whether it has a radius.</param>
    [TestCase("rn50_vanilla", ResNet + "constant", 0, 4, false)]
    [TestCase("rn50_sam_max", ResNet + "lr_prop", 0, 20, true)]
    [TestCase("rn50_sam_rand", ResNet + "constant", 0, 4, true)]
    [TestCase("vits32_vanilla", ViT, 0, 4, false)]
    [TestCase("vits32_sam_max", ViT, 3, 62, true)]
    [TestCase("rn50c10_max2sgd", FineTuning, 4, 100, false)]
    [TestCase("rn50c10_sgd2obf", FineTuning, 4, 100, true)]
    public void RatesRadiiAndOrderOfTheUpdatesAreTheReferences(string name, string schedule, int firstEpoch, int updates, bool perturbs)
    {
        var config = ReferenceData.Json("schedule.json").GetProperty("configs").EnumerateArray()
            .First(c => c.GetProperty("name").GetString() == schedule);
        int perEpoch = config.GetProperty("updates_per_epoch").GetInt32();
        var options = Toy(name, config, firstEpoch);
        int batches = options.GradAccumSteps;
        RecordingObserver observer = new();
        ShortRun.Train(options, observer, updates * batches);

        long[] numbers = [.. observer.Updates.Select(u => (long)u.Epoch * perEpoch + u.Update - 1)];
        Assert.That(numbers, Is.EqualTo(Enumerable.Range(firstEpoch * perEpoch, updates)), "each update once, one after the other");
        int compared = 0;
        foreach (var row in config.GetProperty("rows").EnumerateArray())
        {
            int at = Array.IndexOf(numbers, row[0].GetInt64());
            if (at < 0)
                continue;
            // Both compute in doubles; the reference's numbers agree to the last digits of one.
            double rate = row[1].GetDouble(), rho = perturbs ? row[2].GetDouble() : 0;
            Assert.That(observer.Updates[at].LearningRate, Is.EqualTo(rate).Within(1e-12 * options.Lr!.Value), $"lr of {row[0]}");
            Assert.That(observer.Updates[at].Rho, Is.EqualTo(rho).Within(1e-12 * options.Rho), $"rho of {row[0]}");
            compared++;
        }
        Assert.That(compared, Is.GreaterThanOrEqualTo(perEpoch == 1 ? updates : perEpoch == 97 ? 5 : 1));
        Assert.That(observer.Updates.Select(u => u.Loss), Is.All.Matches<double>(double.IsFinite));
    }

    /// <summary>The preset with as many updates an epoch as the reference's settings; of its schedule everything but the epochs stays.
    /// </summary>
    TrainOptions Toy(string name, JsonElement config, int firstEpoch)
    {
        var preset = PresetTable.Find(name);
        TrainOptions options = new();
        preset.Apply(options);
        double Number(string key) => config.GetProperty(key).GetDouble();
        Assert.That((options.Lr, options.MinLr, options.WarmupLr, options.Rho, options.WarmupEpochs),
            Is.EqualTo(((double?)Number("lr"), Number("min_lr"), Number("warmup_lr"), Number("rho"), (int)Number("warmup_epochs"))), name);
        int perEpoch = config.GetProperty("updates_per_epoch").GetInt32(), accumulation = perEpoch == 1 ? 2 : 1;
        bool isTransformer = options.Model.StartsWith("vit", StringComparison.Ordinal);
        return options with
        {
            Dataset = $"builtin/shapes:train={perEpoch * accumulation * 2},val=10,size=16",
            ValSplit = "validation",
            NumClasses = 10,
            ImgSize = 16,
            Model = isTransformer ? "vit_tiny_patch4_32" : "resnet20",
            ModelKwargs = isTransformer
                ? new Dictionary<string, object?> { ["class_token"] = false, ["embed_dim"] = 8L, ["depth"] = 1L, ["num_heads"] = 1L }
                : new Dictionary<string, object?> { ["layers"] = new object?[] { 1L, 1L, 1L } },
            Pretrained = false,
            BatchSize = 2,
            SharpnessM = 1,
            GradAccumSteps = accumulation,
            ValidationBatchSize = 10,
            CheckpointHist = 1,
            Workers = 0,
            Epochs = config.GetProperty("epochs").GetInt32(),
            StartEpoch = firstEpoch == 0 ? null : firstEpoch,
            Output = folder.Path,
            Device = "cpu",
            PinMem = false,
        };
    }
}
