using System.CommandLine;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Cli.Commands;

/// <summary><c>presets run</c>: <c>train</c> with the options of a preset.</summary>
sealed class PresetsRunCommand(CommandHandlers handlers) : PresetCommand<TrainOptions>
{
    public override CommandHelp Help { get; } = new("presets run", "NAME [options]",
        "Train an experiment of the paper, or its twin for processors; options that are typed win over the preset's.",
        [
            "presets run rn8sh_sam_obf", "presets run rn8c10_sam_obf --data-dir cifar10 --seed 1 --experiment rn8c10_sam_obf-1",
            "presets run vits32_sam_obf --data-dir ~/tensorflow_datasets -b 128",
        ],
        () => OptionTables.Train, new TrainOptions());

    protected override IReadOnlyList<OptionSpec> Begin(ParseResult parsed, TrainOptions options)
    {
        base.Begin(parsed, options);
        return Chosen.Apply(options);
    }

    protected override void Settle(TrainOptions options, IReadOnlySet<OptionSpec> given)
    {
        Chosen.Settle(options, given);
        Chosen.RequireSource(options);
    }

    protected override IReadOnlyList<OptionProblem> Check(TrainOptions options) =>
        options.Resume.Length == 0 ? base.Check(options) : [];

    protected override bool RunsTogether(TrainOptions options) => true;

    protected override int LogInterval(TrainOptions options) => options.LogInterval;

    protected override CommandResult Run(TrainOptions options, RunContext context) => TrainCommand.Train(handlers, options, context);
}
