using System.CommandLine;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Cli.Commands;

/// <summary>A command that takes images and folders behind its name.</summary>
abstract class ImageInputCommand<T> : OptionCommand<T> where T : ImageInputOptions, new()
{
    readonly Argument<string[]> inputs = new("images") { Arity = ArgumentArity.ZeroOrMore };

    public override void Configure(Command command)
    {
        base.Configure(command);
        command.Arguments.Add(inputs);
    }

    protected override void Take(ParseResult parsed, T options) => options.Inputs = parsed.GetValue(inputs) ?? [];

    protected override int LogInterval(T options) => options.LogFreq;
}
