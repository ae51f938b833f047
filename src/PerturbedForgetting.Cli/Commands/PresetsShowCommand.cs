using System.CommandLine;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Cli.Commands;

/// <summary><c>presets show</c>: the command lines that a preset stands for.</summary>
sealed class PresetsShowCommand : PresetCommand<TrainOptions>
{
    public override CommandHelp Help { get; } = new("presets show", "NAME [options]",
        "Show the whole command lines of an experiment: training, evaluations, Hessian.",
        ["presets show rn50_sam_obf", "presets show vits32_sam_obf --data-dir ~/tensorflow_datasets -b 128"],
        () => OptionTables.Train, new TrainOptions());

    protected override IReadOnlyList<OptionSpec> Begin(ParseResult parsed, TrainOptions options)
    {
        base.Begin(parsed, options);
        return Chosen.Apply(options);
    }

    protected override void Settle(TrainOptions options, IReadOnlySet<OptionSpec> given) => Chosen.Settle(options, given);

    /// <summary>They are only shown.</summary>
    protected override IReadOnlyList<OptionProblem> Check(TrainOptions options) => [];

    protected override int LogInterval(TrainOptions options) => options.LogInterval;

    protected override CommandResult Run(TrainOptions options, RunContext context)
    {
        StringWriter text = new();
        PresetText.Write(Chosen, options, context.Given, text);
        return new(ExitCodes.Success, text.ToString());
    }
}
