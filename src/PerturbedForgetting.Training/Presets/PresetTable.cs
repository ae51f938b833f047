using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Training.Presets;

/// <summary>All presets: the experiments of the paper, and those of a size for processors.</summary>
public static class PresetTable
{
    /// <summary>In the order in which they are listed: first the paper's, then their twins; a run comes after the one whose weights it
    /// starts from.</summary>
    public static IReadOnlyList<Preset> All { get; } = [.. PaperPresets.All, .. TwinPresets.All];

    /// <summary>The preset of a name.</summary>
    /// <exception cref="OptionException">There is none; the message names the likest.</exception>
    public static Preset Find(string name) => All.FirstOrDefault(p => p.Name == name)
        ?? throw new OptionException(new OptionProblem("presets",
            $"there is no preset '{name}'.{Suggestions.DidYouMean(name, All.Select(p => p.Name))} 'presets list' lists them."));
}
