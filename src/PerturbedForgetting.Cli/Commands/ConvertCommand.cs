using System.CommandLine;
using PerturbedForgetting.Training;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Cli.Commands;

/// <summary><c>convert</c>.</summary>
sealed class ConvertCommand : OptionCommand<ConvertOptions>
{
    readonly Argument<string?> source = new("source") { Arity = ArgumentArity.ZeroOrOne };

    public override CommandHelp Help { get; } = new(
        "convert", "SOURCE --out FILE [options]", "Write weights in another format: safetensors, PyTorch's, or ONNX.",
        [
            "convert output/train/my-run/best.safetensors --out best.onnx",
            "convert output/train/my-run/best.safetensors --out best.pth",
            "convert resnet50.pth --out resnet50.onnx -m resnet50 --use-train-size",
        ],
        () => OptionTables.Convert, new ConvertOptions());

    public override void Configure(Command command)
    {
        base.Configure(command);
        command.Arguments.Add(source);
    }

    protected override void Take(ParseResult parsed, ConvertOptions options) => options.Checkpoint = parsed.GetValue(source) ?? "";

    protected override int LogInterval(ConvertOptions options) => options.LogFreq;

    protected override CommandResult Run(ConvertOptions options, RunContext context)
    {
        Converter.Run(options, context.Observer, context.Given);
        return new(ExitCodes.Success, "");
    }
}
