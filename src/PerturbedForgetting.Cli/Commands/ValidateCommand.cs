using PerturbedForgetting.Training;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Cli.Commands;

/// <summary><c>validate</c>.</summary>
sealed class ValidateCommand(CommandHandlers handlers) : OptionCommand<ValidateOptions>
{
    public override CommandHelp Help { get; } = new(
        "validate", "[options]", "Measure the accuracy of a checkpoint.",
        [
            "validate --dataset builtin/shapes -m resnet20 --checkpoint output/train/my-run/last.safetensors",
            "validate --data-dir imagenet --split validation -m resnet50 --checkpoint resnet50.safetensors --use-train-size",
            "validate --checkpoint output/train/my-run/last.safetensors --split train --validate-hessian",
        ],
        () => OptionTables.Validate, new ValidateOptions());

    protected override bool RunsTogether(ValidateOptions options) => !options.ValidateHessian;

    protected override int LogInterval(ValidateOptions options) => options.LogFreq;

    protected override CommandResult Run(ValidateOptions options, RunContext context)
    {
        string json = handlers.Validate(options, context);
        return new(ExitCodes.Success, options.ValidateHessian ? DominantEigenvalue.Line(json) : $"--result{Environment.NewLine}{json}");
    }
}
