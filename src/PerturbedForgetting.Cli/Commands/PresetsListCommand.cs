using System.CommandLine;
using PerturbedForgetting.Training.Presets;

namespace PerturbedForgetting.Cli.Commands;

/// <summary><c>presets list</c>: names and what each has of its own.</summary>
sealed class PresetsListCommand : ICliCommand
{
    readonly Argument<string?> part = new("part") { Arity = ArgumentArity.ZeroOrOne };

    public CommandHelp Help { get; } = new("presets list", "[PART]",
        "List the experiments of the paper and their twins for processors, or those whose names hold PART.",
        ["presets list", "presets list sam_obf"]);

    public void Configure(Command command) => command.Arguments.Add(part);

    public int Run(ParseResult parsed, Terminal terminal)
    {
        string part = parsed.GetValue(this.part) ?? "";
        Preset[] found = [.. PresetTable.All.Where(p => p.Name.Contains(part, StringComparison.OrdinalIgnoreCase))];
        if (found.Length == 0)
            // The likest names.
            PresetTable.Find(part);
        int width = found.Max(p => p.Name.Length);
        foreach (var family in found.GroupBy(p => p.Family))
        {
            terminal.Out.WriteLine($"{family.Key.Title}{(family.First().TwinOf is null ? "" : " (for processors)")}");
            foreach (Preset preset in family)
            {
                string source = preset.Source is null ? "" : $"  from {preset.Source}";
                terminal.Out.WriteLine($"  {preset.Name.PadRight(width)}  {preset.Own.Trim()}{source}");
            }
        }
        return ExitCodes.Success;
    }
}
