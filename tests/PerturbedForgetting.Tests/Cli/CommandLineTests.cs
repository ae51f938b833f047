using PerturbedForgetting.Cli;
using PerturbedForgetting.Cli.Commands;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Tests.Vision;
using PerturbedForgetting.Training;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Models;

namespace PerturbedForgetting.Tests.Cli;

[TestFixture]
sealed class CommandLineTests
{
    [Test]
    public void EveryOptionOfTheTablesIsBound()
    {
        foreach (OptionSpec spec in OptionTables.Train.Specs)
        {
            TrainOptions expected = new() { DataDir = "d", WarmupEpochs = 0 };
            string[] value = spec.Kind switch
            {
                OptionKind.Switch => [],
                OptionKind.Integer => ["3"],
                OptionKind.Number => ["0.25"],
                OptionKind.Numbers => ["0.25", "0.5"],
                OptionKind.Pairs => ["a=1", "b=x=y"],
                _ => ["some text"],
            };
            spec.Set(expected, spec.Kind == OptionKind.Switch ? true : OptionValue.Parse(spec, value));
            // Many of these values are refused by the rules, which is not the point here.
            CliHarness cli = new();
            int exitCode = cli.Run(["train", "--data-dir", "d", "--warmup-epochs", "0", spec.Flag, .. value]);
            if (expected.Validate().Any(p => p.IsError))
                Assert.That((exitCode, cli.Error), Is.EqualTo((ExitCodes.WrongOption, ErrorText(expected))), spec.Flag);
            else
                Assert.That(OptionsJson.Write(cli.Trained!), Is.EqualTo(OptionsJson.Write(expected)), spec.Flag);
        }
    }

    [Test]
    public void ShortNamesNegativeNumbersEqualsSignsAndListsWorkAsInTheReference()
    {
        CliHarness cli = new();
        int exitCode = cli.Run("train", "--data-dir", "d", "-b", "64", "-vb", "32", "-j", "0", "-m", "resnet18", "--obf-C", "-1",
            "--sharpness-m=-1", "--scale", "0.08", "1",
            "--mean", "0.5", "0.4", "0.3", "--lr=0.5", "--local_rank", "0", "--model-kwargs", "class_token=False", "layers=[1,1]",
            "--bce-loss", "--experiment", "");
        Assert.That(exitCode, Is.Zero, cli.Error);
        TrainOptions o = cli.Trained!;
        Assert.That((o.BatchSize, o.ValidationBatchSize, o.Workers, o.Model, o.ObfC, o.SharpnessM, o.Lr, o.BceLoss),
            Is.EqualTo((64, (int?)32, 0, "resnet18", -1.0, -1, (double?)0.5, true)));
        Assert.That(o.Scale, Is.EqualTo(new[] { 0.08, 1 }));
        Assert.That(o.Mean, Is.EqualTo(new[] { 0.5, 0.4, 0.3 }));
        Assert.That(o.ModelKwargs.Keys, Is.EquivalentTo(new[] { "class_token", "layers" }));
        Assert.That(cli.Context!.Given.Select(s => s.Name), Does.Contain("lr").And.Not.Contain("rho"));
    }

    /// <summary>The parser would take the name of the next option for the value.</summary>
    [TestCase("--lr needs a value", "--lr", "--rho", "0.1")]
    [TestCase("--lr needs a value", "--lr=", "--rho", "0.1")]
    [TestCase("--experiment needs a value", "--experiment", "--lr=0.1")]
    [TestCase("-b needs a value", "--rho", "0.1", "-b")]
    [TestCase("--scale needs a value", "--scale", "--bce-loss")]
    [TestCase("--model-kwargs needs a value", "--model-kwargs", "--no-bce-loss")]
    public void AnOptionWithoutItsValueIsBlamed(string expected, params string[] args)
    {
        CliHarness cli = new();
        Assert.That(cli.Run(["train", "--data-dir", "d", .. args]), Is.EqualTo(ExitCodes.WrongOption));
        Assert.That(cli.Error.TrimEnd().Split('\n').Select(l => l.TrimEnd()),
            Is.EqualTo(new[] { $"error: {expected}.", "See: perturbed-forgetting train --help" }));
    }

    [Test]
    public void AValueThatIsNoNumberIsNamedInWords()
    {
        CliHarness cli = new();
        Assert.That(cli.Run("kernels", "profile", "--launches", "x"), Is.EqualTo(ExitCodes.WrongOption));
        Assert.That(cli.Error, Does.StartWith("error: --launches: takes a whole number, got 'x'."));
    }

    [Test]
    public void TheLastOfRepeatedOptionsCounts()
    {
        CliHarness cli = new();
        cli.Run("train", "--data-dir", "a", "--lr", "0.1", "--data-dir", "b", "--lr", "0.2");
        Assert.That((cli.Trained!.DataDir, cli.Trained.Lr), Is.EqualTo(("b", (double?)0.2)));
    }

    [TestCase("--lrr", "--lr", "train", "--data-dir", "d", "--lrr", "0.1")]
    [TestCase("--data-dri", "--data-dir", "train", "--data-dri", "d")]
    [TestCase("--no-bce-los", "--no-bce-loss", "train", "--data-dir", "d", "--no-bce-los")]
    [TestCase("--checkpiont", "--checkpoint", "validate", "--checkpiont=x")]
    [TestCase("trian", "train", "trian")]
    [TestCase("chek", "check", "data", "chek")]
    public void AnUnknownNameIsRefusedWithASuggestion(string wrong, string suggestion, params string[] args)
    {
        CliHarness cli = new();
        Assert.That(cli.Run(args), Is.EqualTo(ExitCodes.WrongOption));
        Assert.That(cli.Error, Does.Contain($"'{wrong}'").And.Contain($"Did you mean '{suggestion}'").And.Contain("--help"));
        Assert.That(cli.Error.Split('\n'), Has.Length.LessThanOrEqualTo(3));
        Assert.That(cli.Trained, Is.Null);
    }

    [TestCase("train", "--data-dir", "d", "--lr", "abc")]
    [TestCase("train", "--data-dir", "d", "--lr")]
    [TestCase("train", "--data-dir", "d", "stray")]
    [TestCase("train", "--data-dir", "d", "--opt", "sam")]
    [TestCase("train")]
    [TestCase("train", "--data-dir", "d", "--bce-loss", "--no-bce-loss")]
    [TestCase("validate", "--data-dir", "d", "--num-gpu", "2")]
    [TestCase("validate", "--data-dir", "d", "--device", "gpu")]
    [TestCase("data")]
    [TestCase]
    public void AWrongLineGivesExitCode2AndNoStackTrace(params string[] args)
    {
        CliHarness cli = new();
        Assert.That(cli.Run(args), Is.EqualTo(ExitCodes.WrongOption));
        Assert.That(cli.Error, Is.Not.Empty.And.Not.Contain("   at "));
        Assert.That((cli.Trained, cli.Validated, cli.Checked),
            Is.EqualTo(((TrainOptions?)null, (ValidateOptions?)null, (TrainOptions?)null)));
    }

    [Test]
    public void AllWrongValuesAreReportedTogether()
    {
        CliHarness cli = new();
        cli.Run("train", "--lr", "abc", "--epochs", "x", "--model-kwargs", "a");
        Assert.That(cli.Error, Does.Contain("--lr").And.Contain("--epochs").And.Contain("--model-kwargs"));
    }

    [Test]
    public void AConfigurationFileComesBeforeWhatIsTyped()
    {
        using TempFolder folder = new();
        string path = folder["c é.json"];
        File.WriteAllText(path, "{\"lr\": 0.3, \"epochs\": 7, \"bce-loss\": true, \"dataset\": \"builtin/shapes\", \"rho\": 0.2}");
        CliHarness cli = new();
        Assert.That(cli.Run("train", "--config", path, "--epochs", "9", "--no-bce-loss", "--warmup-epochs", "1"), Is.Zero, cli.Error);
        TrainOptions o = cli.Trained!;
        Assert.That((o.Lr, o.Epochs, o.BceLoss, o.Rho), Is.EqualTo(((double?)0.3, 9, false, 0.2)));
        // The data set of the file also brings its defaults.
        Assert.That(o.Model, Is.EqualTo("resnet20"));
        Assert.That(cli.Context!.Given.Select(s => s.Name),
            Is.EquivalentTo(new[] { "lr", "epochs", "bce-loss", "dataset", "rho", "warmup-epochs" }));
    }

    [Test]
    public void TheWrittenConfigurationGivesTheSameRun()
    {
        using TempFolder folder = new();
        CliHarness first = new(), second = new();
        first.Run("train", "--dataset", "builtin/shapes", "--lr", "0.07", "--model-kwargs", "a=1.0", "b=[1,'x']");
        string path = folder["args.json"];
        File.WriteAllText(path, OptionsJson.Write(first.Trained!));
        Assert.That(second.Run("train", "--config", path), Is.Zero);
        Assert.That(OptionsJson.Diff(first.Trained!, second.Trained!), Is.Empty);
    }

    [TestCase("{\"lrr\": 1}", "Did you mean 'lr'")]
    [TestCase("{", "not valid JSON")]
    [TestCase(null, "cannot read")]
    public void AWrongConfigurationFileIsNamed(string? json, string words)
    {
        using TempFolder folder = new();
        string path = folder["c.json"];
        if (json is not null)
            File.WriteAllText(path, json);
        CliHarness cli = new();
        Assert.That(cli.Run("train", "--config", path), Is.EqualTo(ExitCodes.WrongOption));
        Assert.That(cli.Error, Does.Contain(path).And.Contain(words));
    }

    [Test]
    public void AnOptionWithoutEffectIsMentioned()
    {
        CliHarness cli = new();
        Assert.That(cli.Run("train", "--data-dir", "d", "--pin-mem"), Is.Zero);
        Assert.That(cli.Output, Does
            .Contain("warning: --pin-mem: has no effect: batches for a GPU are always page-locked, and the CPU needs none."));
    }

    static IEnumerable<TestCaseData> Exceptions()
    {
        yield return new TestCaseData(new OptionException(new OptionProblem("--lr", "wrong.")), 2, "error: --lr: wrong.");
        yield return new TestCaseData(new SafetensorsException("w.safetensors", "broken."), 3, "w.safetensors");
        yield return new TestCaseData(new DatasetException("no images"), 3, "bad data: no images");
        yield return new TestCaseData(new DatasetException("no split", wrongOption: true), 2, "error: no split");
        yield return new TestCaseData(new ModelOptionException("no model"), 2, "error: no model");
        yield return new TestCaseData(new ModelOptionException("`GlobalPool` 'max': no"), 2, "error: --gp 'max': no");
        yield return new TestCaseData(new PretrainedException("w", "pickle"), 3, "pickle");
        yield return new TestCaseData(new FileNotFoundException("no 'x'"), 3, "no 'x'");
        yield return new TestCaseData(new IOException("disk full"), 1, "disk full");
        yield return new TestCaseData(new NotFiniteException("loss NaN"), 5, "stopped: loss NaN");
        yield return new TestCaseData(new OutOfMemoryException(), 4, "--batch-size");
        yield return new TestCaseData(new CudaException("cuMemAlloc", CudaResult.DeviceUnavailable, ""), 4,
            "device: cuMemAlloc failed: CUDA_ERROR_DEVICE_UNAVAILABLE (46)");
        yield return new TestCaseData(new AggregateException(new SafetensorsException("w", "broken.")), 3, "broken");
        yield return new TestCaseData(new InvalidOperationException("surprise"), 1, "internal error (InvalidOperationException): surprise");
    }

    [TestCaseSource(nameof(Exceptions))]
    public void AFailureBecomesAMessageAndAnExitCode(Exception exception, int exitCode, string words)
    {
        CliHarness cli = new() { Train = (_, _) => throw exception };
        Assert.That(cli.Run("train", "--data-dir", "d"), Is.EqualTo(exitCode));
        Assert.That(cli.Error, Does.Contain(words).And.Not.Contain("   at "));
    }

    [Test]
    public void OtherCommandsGetTheirOptions()
    {
        CliHarness cli = new();
        Assert.That(cli.Run("validate", "--data-dir", "d", "--split", "test", "--use-train-size"), Is.Zero);
        Assert.That((cli.Validated!.Split, cli.Validated.UseTrainSize, cli.Validated.BatchSize), Is.EqualTo(("test", true, 256)));
        Assert.That(cli.Run("devices"), Is.Zero);
        Assert.That(cli.Output, Does.Contain("cpu").And.Contain("instructions").And.Contain("GiB"));
    }

    [Test]
    public void ModelsAndTheirLayersAreListed()
    {
        CliHarness cli = new();
        Assert.That(cli.Run("models"), Is.Zero, cli.Error);
        Assert.That(cli.Output, Does.Match(@"resnet50 +224 +25,557,032 +4,089,184,256 ").And.Match(@"vit_tiny_patch4_32 +32 +5,362,762 "));
        cli = new();
        Assert.That(cli.Run("models", "resnet20"), Is.Zero, cli.Error);
        Assert.That(cli.Output, Does.Match(@"layer2\.0\.conv1 +Conv2d +\[16, 16, 32\] +4,608 +1,179,648")
            .And.Match(@"total +269,722 +40,551,040"));
        cli = new();
        Assert.That(cli.Run("models", "resnet21"), Is.EqualTo(2));
        Assert.That(cli.Error, Does.Contain("Did you mean 'resnet20'?"));
    }

    [Test]
    public void ADataSetIsCheckedAndDescribed()
    {
        CliHarness cli = new() { CheckData = CommandHandlers.Default.CheckData };
        int exitCode = cli.Run("data", "check", "--dataset", "builtin/shapes:train=40,val=20,size=16", "--num-classes", "10");
        Assert.That(exitCode, Is.Zero, cli.Error);
        Assert.That(cli.Output, Does.Contain("40 in 10 classes").And.Contain("20 in 10 classes").And.Contain("Nothing stands in the way"));
        Assert.That(cli.Run("data", "check", "--dataset", "builtin/shapes:train=40,val=20,size=16", "--num-classes", "4"),
            Is.EqualTo(ExitCodes.BadData));
        Assert.That(cli.Output, Does.Contain("ERROR     label-out-of-range: ").And.Contain("must be put right"));
    }

    [Test]
    public void ADataSetThatDoesNotExistIsAWrongOptionOrBadData()
    {
        CliHarness cli = new() { CheckData = CommandHandlers.Default.CheckData };
        Assert.That(cli.Run("data", "check", "--dataset", "builtin/shepes"), Is.EqualTo(ExitCodes.WrongOption));
        using TempFolder folder = new();
        Assert.That(cli.Run("data", "check", "--data-dir", folder.Path), Is.AnyOf(ExitCodes.BadData, ExitCodes.WrongOption));
        Assert.That(cli.Error, Does.Contain(folder.Path).And.Not.Contain("   at "));
    }

    [TestCase(ExitCodes.Interrupted)]
    [TestCase(ExitCodes.Terminated)]
    public void AnInterruptedRunReturnsTheCodeOfTheSignal(int exitCode)
    {
        CliHarness? cli = null;
        cli = new CliHarness
        {
            Train = (_, c) =>
            {
                cli!.Interruption!.Signal(exitCode);
                c.Token.ThrowIfCancellationRequested();
            },
        };
        Assert.That(cli.Run("train", "--data-dir", "d"), Is.EqualTo(exitCode));
        Assert.That(cli.Output, Does.Not.Contain("--result"));
    }

    [Test]
    public void ARunThatEndsBeforeItSeesTheSignalIsASuccess()
    {
        CliHarness? cli = null;
        cli = new CliHarness { Train = (_, _) => cli!.Interruption!.Signal(ExitCodes.Interrupted) };
        Assert.That(cli.Run("train", "--data-dir", "d"), Is.Zero);
        Assert.That(cli.Output, Does.Contain("--result"));
    }

    static string ErrorText(TrainOptions options) =>
        string.Concat(options.Validate().Where(p => p.IsError).Select(p => $"error: {p}{Environment.NewLine}"));

    /// <summary>As the reference prints it, and nothing behind it.</summary>
    [Test]
    public void TheHessiansEigenvalueIsPrintedAsInTheReference()
    {
        CliHarness cli = new();
        Assert.That(cli.Run("validate", "--dataset", "builtin/shapes", "--validate-hessian"), Is.Zero);
        Assert.That(cli.Output, Is.EqualTo("Dominant eigenvalue:  4.5" + Environment.NewLine));
    }

    /// <summary>What another program reads from a pipe are the answers; all else goes elsewhere.</summary>
    [Test]
    public void PredictWritesNothingButAnswersToTheStandardOutput()
    {
        using TempFolder folder = new();
        foreach (string name in (string[])["a,b.jpg", "c.jpg"])
            File.WriteAllBytes(folder[name], TestImages.Jpeg(20, 16));
        CliHarness cli = new();
        int exitCode = cli.Run("predict", folder.Path, "-m", "resnet20", "--img-size", "16", "--num-classes", "3", "--format", "csv",
            "--topk", "1", "-j", "0", "--threads", "1", "--device", "cpu");
        Assert.That(exitCode, Is.Zero, cli.Error);
        string[] lines = cli.Output.TrimEnd().Split('\n');
        Assert.That(lines, Has.Length.EqualTo(3));
        Assert.That(lines[0], Is.EqualTo("image,predicted,probability"));
        Assert.That(lines[1], Does.StartWith($"\"{folder["a,b.jpg"]}\","));
        Assert.That(cli.Error, Does.Contain("random weights").And.Contain("Model: resnet20"));
        Assert.That(new CliHarness().Run("predict", folder["c.jpg"], "--checkpoint", folder["missing"]), Is.EqualTo(3));
        CliHarness nothing = new();
        Assert.That(nothing.Run("predict", "-m", "resnet20", "--num-classes", "3"), Is.EqualTo(2));
        Assert.That(nothing.Error, Does.Contain("no image was named"));
        Assert.That(new CliHarness().Run("predict", folder["c.jpg"], "--topk", "0"), Is.EqualTo(2));
        CliHarness mistyped = new(), named = new();
        Assert.That(mistyped.Run("predict", folder["c.jpg"], "--top-k", "3"), Is.EqualTo(2));
        Assert.That(mistyped.Error, Does.Contain("there is no option '--top-k'. Did you mean '--topk'?"));
        Assert.That(named.Run("predict", "-m", "resnet20", "--num-classes", "3", "--", "--top-k"), Is.EqualTo(2));
        Assert.That(named.Error, Does.Contain("'--top-k'").And.Not.Contain("option '--top-k'"));
        Assert.That(new CliHarness().Run("features", folder["c.jpg"], "-m", "resnet20", "--num-classes", "3"), Is.EqualTo(2));
    }
}
