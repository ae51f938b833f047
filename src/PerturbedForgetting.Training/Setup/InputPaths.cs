using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Training.Setup;

/// <summary>The paths of images that options name.</summary>
static class InputPaths
{
    /// <summary>Those behind the command, then those of the list; empty lines of it are passed over.</summary>
    /// <exception cref="OptionException">The list cannot be read.</exception>
    public static IReadOnlyList<string> Of(ImageInputOptions options)
    {
        if (options.List is not { } list)
            return options.Inputs;
        try
        {
            string text = list == "-" ? Console.In.ReadToEnd() : File.ReadAllText(list);
            return [.. options.Inputs, .. text.Split('\n').Select(static l => l.TrimEnd('\r')).Where(static l => l.Length > 0)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new OptionException(new OptionProblem(ImageInputOptions.ListOption.Flag, $"cannot read '{list}': {e.Message}"));
        }
    }
}
