using PerturbedForgetting.Tests.Documents;
using PerturbedForgetting.Tests.Training.Runs;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Presets;
using PerturbedForgetting.Training.Runs;
using PerturbedForgetting.Vision.Datasets;

namespace PerturbedForgetting.Tests.Cli;

[TestFixture]
sealed class PresetsCommandTests : TempFolderFixture
{
    [Test]
    public void WhatIsShownIsWhatIsRun()
    {
        foreach (string name in (string[])["vits32_gsam_obf", "rn50_asam_max", "rn50c100_sgd2obf", "rn8sh_sam_rand", "vitxsc10_sam_obf"])
        {
            Directory.CreateDirectory(folder["rn50_vanilla"]);
            File.WriteAllText(folder["rn50_vanilla/last.pth.tar"], "weights");
            CliHarness shown = new(), trained = new(), run = new();
            string[] typed = ["--data-dir", "my data", "--output", folder.Path, "--seed", "7"];
            Assert.That(shown.Run(["presets", "show", name, .. typed]), Is.Zero, shown.Error);
            string line = Lines(shown, "perturbed-forgetting train").Single();
            Assert.That(trained.Run(DocumentedCommands.Words(line)[1..]), Is.Zero, trained.Error);
            Assert.That(run.Run(["presets", "run", name, .. typed]), Is.Zero, run.Error);
            Assert.That(OptionsJson.Diff(trained.Trained!, run.Trained!), Is.Empty, name);
            Assert.That((run.Trained!.Experiment, run.Trained.Seed, run.Trained.DataDir), Is.EqualTo((name, 7, "my data")));
            Assert.That(run.Context!.Given, Does.Contain(TrainOptions.OptOption), "so that nothing is compared at its end");
        }
    }

    [Test]
    public void TheEvaluationsAndTheHessianAreShownWithTheCheckpoint()
    {
        CliHarness cli = new();
        Assert.That(cli.Run("presets", "show", "rn101_sam_obf", "--data-dir", "tfds", "--output", "out"), Is.Zero, cli.Error);
        string[] lines = Lines(cli, "perturbed-forgetting validate");
        Assert.That(lines, Has.Length.EqualTo(6));
        string checkpoint = Path.Combine("out", "rn101_sam_obf", "last.safetensors");
        Assert.That(lines, Is.All.Contains($"--checkpoint {checkpoint}").And.All.Contains("--data-dir tfds"));
        Assert.That(lines[..5], Is.All.Contains("--no-use-train-size").And.All.Contains("--batch-size 64"));
        Assert.That(lines[5], Does.Contain("--validate-hessian").And.Contain("'train[:8192]'").And.Contain("--img-size 224"));
    }

    [Test]
    public void TheListHasEveryPresetOrThoseThatAreAskedFor()
    {
        CliHarness all = new(), some = new();
        Assert.That(all.Run("presets", "list"), Is.Zero);
        Assert.That(Lines(all, "  ").Select(l => l.Trim().Split(' ')[0]), Is.EqualTo(PresetTable.All.Select(p => p.Name)));
        Assert.That(some.Run("presets", "list", "rn50c10_"), Is.Zero);
        Assert.That(Lines(some, "  "), Has.Length.EqualTo(4));
        Assert.That(some.Output, Does.Contain("from rn50_sam_max"));
    }

    [TestCase("presets run vits32_sam_obff", "Did you mean 'vits32_sam_obf'?")]
    [TestCase("presets show nothing", "'presets list' lists them")]
    [TestCase("presets list zzz", "'presets list' lists them")]
    [TestCase("presets run vits32_sam_obf -b 100", "--batch-size: 100 does not divide the 4096 images")]
    [TestCase("presets run rn50c10_max2sgd --data-dir x", "starts from the weights of rn50_sam_max")]
    [TestCase("presets run rn8sh_sam_obf --warp 9", "there is no option '--warp'")]
    [TestCase("presets run", "name a preset")]
    [TestCase("presets validate rn50c10_max2sgd --validate-hessian", "the paper has no Hessian of rn50c10_max2sgd")]
    public void WhatIsWrongIsSaid(string line, string message)
    {
        CliHarness cli = new();
        Assert.That(cli.Run(line.Split(' ')), Is.EqualTo(2));
        Assert.That(cli.Error, Does.Contain(message));
        Assert.That(cli.Trained, Is.Null);
    }

    [Test]
    public void OneSetThatIsMissingDoesNotStopTheOthers()
    {
        string run = RunSamples.Write(folder["run"], new TrainOptions { Dataset = "tfds/imagenet2012", DataDir = "/tfds" }, []);
        CliHarness cli = new()
        {
            Validate = o => o.Dataset.EndsWith("_v2", StringComparison.Ordinal)
                ? throw new DatasetException("it is not there")
                : "{\"top1\": 1}",
        };
        string checkpoint = Path.Combine(run, "last.safetensors");
        Assert.That(cli.Run("presets", "validate", "rn50_sam_obf", "--checkpoint", checkpoint, "-b", "8"), Is.EqualTo(3));
        Assert.That(Evaluations.Names(run), Is.EquivalentTo(new[] { "imagenet", "imagenet_r", "imagenet_real", "imagenet_sketch" }));
        Assert.That(cli.Output, Does.Contain("imagenet_v2 is left out: it is not there"));
        Assert.That((cli.Validated!.DataDir, cli.Validated.BatchSize, cli.Validated.Split), Is.EqualTo(("/tfds", 8, "test")));
        Assert.That(Evaluations.Number(Evaluations.PathOf(run, "imagenet"), "top1", isOptional: false), Is.EqualTo(1));
    }

    static string[] Lines(CliHarness cli, string start) =>
        [.. cli.Output.Split(Environment.NewLine).Where(l => l.StartsWith(start, StringComparison.Ordinal))];
}
