using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Cli.Commands;

/// <summary><c>data check</c>.</summary>
internal sealed class DataCheckCommand(CommandHandlers handlers) : OptionCommand<TrainOptions>
{
    public override CommandHelp Help { get; } = new(
        "data check", "[options]", "Read every image of a data set once and report what is wrong with it.",
        ["data check --data-dir my-images", "data check --dataset cifar10 --data-dir cifar-10-batches-bin"],
        () => OptionTables.DataCheck, new TrainOptions());

    protected override IReadOnlyList<OptionProblem> Check(TrainOptions options) =>
        options.Validate().Where(p => OptionTables.DataCheck.Find(p.Option) is not null).ToArray();

    protected override int LogInterval(TrainOptions options) => options.LogInterval;

    protected override int Run(TrainOptions options, RunContext context) => handlers.CheckData(options, context);
}
