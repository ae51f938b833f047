using System.CommandLine;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Vision.Datasets;

namespace PerturbedForgetting.Cli.Commands;

/// <summary>A command that takes a data set behind its name: one of the names of <c>--dataset</c>, or a path.</summary>
abstract class DataToolCommand<T> : OptionCommand<T> where T : DataToolOptions, new()
{
    readonly Argument<string?> dataset = new("dataset") { Arity = ArgumentArity.ZeroOrOne };

    public override void Configure(Command command)
    {
        base.Configure(command);
        command.Arguments.Add(dataset);
    }

    protected override void Take(ParseResult parsed, T options)
    {
        if (parsed.GetValue(dataset) is not { } name)
            return;
        bool isPath = options.Dataset.Length > 0 || (!DatasetFactory.Knows(name) && Path.Exists(name));
        if (isPath)
            options.DataDir = name;
        else
            options.Dataset = name;
    }

    protected override int LogInterval(T options) => 1;
}
