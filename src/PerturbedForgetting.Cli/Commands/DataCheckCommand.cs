using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Vision.Loading;

namespace PerturbedForgetting.Cli.Commands;

/// <summary><c>data check</c>.</summary>
sealed class DataCheckCommand(CommandHandlers handlers) : OptionCommand<TrainOptions>
{
    public override CommandHelp Help { get; } = new(
        "data check", "[options]", "Read every image of a data set once and report what is wrong with it.",
        ["data check --data-dir my-images", "data check --dataset cifar10 --data-dir cifar-10-batches-bin"],
        () => OptionTables.DataCheck, new TrainOptions());

    protected override bool RunsTogether(TrainOptions options) => true;

    protected override int LogInterval(TrainOptions options) => options.LogInterval;

    protected override CommandResult Run(TrainOptions options, RunContext context)
    {
        IReadOnlyList<DatasetReport> reports = handlers.CheckData(options, context);
        StringWriter text = new();
        foreach (DatasetReport report in reports)
            DatasetReportText.Write(report, text);
        int errors = reports.Sum(r => r.Findings.Count(f => f.IsError));
        bool lacksValidation = reports.Any(r => r.Findings.Any(f => f.Kind == DataCheck.NoValidationSplit));
        text.Write(errors == 0
            ? $"Nothing {(lacksValidation ? "in the images " : "")}stands in the way of training."
            : $"{Quantity.Of(errors, "kind of problem", "kinds of problems")} must be put right before training.");
        if (lacksValidation)
            text.Write($" It needs a validation split: {TrainOptions.ValSplitOption} NAME, or {RunOptions.ValShareOption} "
                + "0.1, which holds out a tenth of the training images.");
        return new CommandResult(errors == 0 ? ExitCodes.Success : ExitCodes.BadData, text.ToString());
    }
}
