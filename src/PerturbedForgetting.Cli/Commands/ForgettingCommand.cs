using System.CommandLine;
using PerturbedForgetting.Training;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Cli.Commands;

/// <summary><c>forgetting</c>.</summary>
sealed class ForgettingCommand : OptionCommand<ForgettingOptions>
{
    readonly Argument<string[]> targets = new("CHECKPOINT|RUN") { Arity = ArgumentArity.OneOrMore };

    public override CommandHelp Help { get; } = new(
        "forgetting", "CHECKPOINT|RUN... [options]",
        "Measure what perturbations of the weights make a model forget: loss, accuracy, output bias, confidence, predictions; over the "
            + "checkpoints of a run, and its correlation with generalisation over several runs.",
        [
            "forgetting output/train/my-run/last.safetensors --rho 0.05 0.1 --out forgetting",
            "forgetting output/train/my-run --over all --perturb maximize,obf",
            "forgetting output/train/my-run --asam off,both --asam-eta 0.01 --obf-steps 1 3",
            "forgetting output/train --images 0 --perturbations 16",
        ],
        () => OptionTables.Forgetting, new ForgettingOptions());

    public override void Configure(Command command)
    {
        base.Configure(command);
        command.Arguments.Add(targets);
    }

    protected override void Take(ParseResult parsed, ForgettingOptions options)
    {
        options.Targets = parsed.GetValue(targets) ?? [];
        options.Checkpoint = options.Targets.FirstOrDefault() ?? "";
    }

    protected override int LogInterval(ForgettingOptions options) => 1;

    protected override CommandResult Run(ForgettingOptions options, RunContext context) =>
        new(ExitCodes.Success, ForgettingStudy.Run(options, context.Observer, context.Token, context.Given));
}
