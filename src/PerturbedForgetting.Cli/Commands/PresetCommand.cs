using System.CommandLine;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Presets;

namespace PerturbedForgetting.Cli.Commands;

/// <summary>A command that takes the name of a preset, and options that win over the preset's.</summary>
abstract class PresetCommand<T> : OptionCommand<T> where T : RunOptions, new()
{
    readonly Argument<string> name = new("preset");

    /// <summary>The preset that was named.</summary>
    protected Preset Chosen { get; private set; } = null!;

    public override void Configure(Command command)
    {
        base.Configure(command);
        command.Arguments.Add(name);
    }

    protected override IReadOnlyList<OptionSpec> Begin(ParseResult parsed, T options)
    {
        Chosen = PresetTable.Find(parsed.GetValue(name)!);
        return [];
    }
}
