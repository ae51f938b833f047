using PerturbedForgetting.Training;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Cli.Commands;

/// <summary><c>data inspect</c>.</summary>
sealed class DataInspectCommand : DataToolCommand<InspectOptions>
{
    public override CommandHelp Help { get; } = new(
        "data inspect", "[DATASET] [options]", "Tell what a data set consists of: classes, images of each, sizes, formats; draw some.",
        ["data inspect my-images --sheet sheet.png", "data inspect cifar10 --data-dir cifar-10-batches-bin --splits train"],
        () => OptionTables.Inspect, new InspectOptions());

    protected override CommandResult Run(InspectOptions options, RunContext context)
    {
        StringWriter text = new();
        foreach (var summary in DataTools.Inspect(options, context.Observer, context.Token))
            DatasetSummaryText.Write(summary, text);
        return new(ExitCodes.Success, text.ToString());
    }
}
