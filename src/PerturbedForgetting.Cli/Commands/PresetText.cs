using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Presets;

namespace PerturbedForgetting.Cli.Commands;

/// <summary>Words for what a preset stands for.</summary>
static class PresetText
{
    const string Program = "perturbed-forgetting";

    /// <summary>Writes the command lines of a preset.</summary>
    /// <param name="preset">The preset.</param>
    /// <param name="options">Its options with what was typed.</param>
    /// <param name="given">Which options it or a person gave.</param>
    /// <param name="w">Where to.</param>
    public static void Write(Preset preset, TrainOptions options, IReadOnlySet<OptionSpec> given, TextWriter w)
    {
        string group = options.SharpnessM > 0 ? $"{options.SharpnessM}" : "all";
        w.WriteLine($"# {preset.Name}: {preset.Family.Title}{(preset.TwinOf is { } twin ? $", a twin of {twin}" : "")}");
        w.WriteLine($"# an update: {Quantity.Of(options.GradAccumSteps, "batch", "batches")} of {Quantity.Of(options.BatchSize, "image")}"
            + (options.Opt.Perturbs ? $", {group} images a perturbation" : ""));
        if (preset.Source is { } source)
            w.WriteLine($"# starts from the weights of {source}");
        // In the order of the help, whichever part of the preset they come from.
        w.WriteLine(Line("train", options, OptionTables.Train.Specs.Where(s => given.Contains(s) || s == TrainOptions.PretrainedPathOption)
            .Where(s => s.Get(options) is not null)));
        foreach (var (_, evaluation) in preset.Evaluations(options))
            w.WriteLine(Line("validate", evaluation.Options, evaluation.Given));
        if (preset.Hessian(options) is { } hessian)
            w.WriteLine(Line("validate", hessian.Options, hessian.Given));
    }

    static string Line(string command, RunOptions options, IEnumerable<OptionSpec> given) =>
        string.Join(' ', [Program, command, .. OptionWords.Write(options, given)]);
}
