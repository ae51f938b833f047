using System.Text.Json;
using PerturbedForgetting.Cli;
using PerturbedForgetting.Cli.Commands;

namespace PerturbedForgetting.Tests.Cli;

/// <summary><c>train --device sim</c> and <c>validate --device sim</c>, as typed.</summary>
[TestFixture]
sealed class SoftwareGpuCommandTests
{
    const string Data = "builtin/shapes:train=24,val=20,size=8";

    [Test]
    public void ANetworkIsTrainedResumedAndValidated()
    {
        using var folder = new TempFolder();
        string[] train =
        [
            "train", "--device", "sim", "--dataset", Data, "--model", "resnet20", "--model-kwargs", "layers=[1,1,1]", "--img-size", "8",
                "-b", "6", "-j", "0",
            "--opt", "sam_sgdw", "--perturb-loss", "obf", "--obf-C", "10", "--warmup-epochs", "0", "--output", folder.Path, "--experiment",
            "run",
        ];
        string first = Run([.. train, "--epochs", "1"]);
        Assert.That(first, Does.Contain("epoch 1/1: 24 images, 4 updates").And.Contain("4/4 (100 %)  loss ").And.Contain("validation")
            .And.Contain("--result"));
        string last = Path.Combine(folder.Path, "run", "last.safetensors");
        Assert.That(last, Does.Exist);
        string second = Run([.. train, "--epochs", "2", "--resume", "auto"]);
        Assert.That(second, Does.Contain("epoch 2/2").And.Not.Contain("epoch 1/2"));
        double[] onCpu = Accuracy("cpu"), onSim = Accuracy("sim");
        Assert.That(onSim, Is.EqualTo(onCpu));

        double[] Accuracy(string device)
        {
            string output = Run("validate", "--device", device, "--dataset", Data, "--checkpoint", last, "-b", "7", "-j", "0");
            using var json = JsonDocument.Parse(output[(output.IndexOf("--result", StringComparison.Ordinal) + "--result".Length)..]);
            return [json.RootElement.GetProperty("top1").GetDouble(), json.RootElement.GetProperty("top5").GetDouble()];
        }
    }

    static string Run(params string[] args)
    {
        StringWriter output = new(), error = new();
        int exitCode = new CommandLineApp(CommandHandlers.Default, new Terminal(output, error, IsInteractive: false, Width: 100)).Run(args);
        Assert.That(exitCode, Is.Zero, error.ToString());
        return output.ToString();
    }
}
