using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Cli.Commands;

/// <summary><c>train</c>.</summary>
sealed class TrainCommand(CommandHandlers handlers) : OptionCommand<TrainOptions>
{
    public override CommandHelp Help { get; } = new(
        "train", "[options]", "Train a model with SGD, Adam, SAM, GSAM, ASAM, random perturbations or output-bias forgetting.",
        [
            "train --dataset builtin/shapes",
            "train --data-dir cifar10 --val-split test -m resnet20 --img-size 32 --crop-padding 4 --opt sam_sgdw --perturb-loss obf "
                + "--obf-C 10 --rho 0.1 --lr 0.1 --epochs 30",
            "train --data-dir imagenet -m vit_small_patch32_224 --model-kwargs class_token=False --gp avg --opt sam_adamw --bce-loss -b "
            + "512 --sharpness-m 64",
            "train --config output/train/my-run/args.json --resume auto --experiment my-run",
        ],
        () => OptionTables.Train, new TrainOptions());

    protected override void Preset(TrainOptions options, string dataset) => QuickStart.Apply(options, dataset);

    protected override void Settle(TrainOptions options, IReadOnlySet<OptionSpec> given) => QuickStart.Settle(options, given);

    /// <summary>A run that continues checks its options once the checkpoint has told the rest.</summary>
    protected override IReadOnlyList<OptionProblem> Check(TrainOptions options) =>
        options.Resume.Length == 0 ? base.Check(options) : [];

    protected override bool RunsTogether(TrainOptions options) => true;

    protected override int LogInterval(TrainOptions options) => options.LogInterval;

    protected override CommandResult Run(TrainOptions options, RunContext context) => Train(handlers, options, context);

    /// <summary>Trains, and shows the results.</summary>
    internal static CommandResult Train(CommandHandlers handlers, TrainOptions options, RunContext context)
    {
        (string json, string folder) = handlers.Train(options, context);
        return new(ExitCodes.Success, $"--result{Environment.NewLine}{json}", $"Results: {Path.Combine(folder, "results.json")}");
    }
}
