using System.CommandLine;
using System.Globalization;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Vision.Models;

namespace PerturbedForgetting.Cli.Commands;

/// <summary><c>models</c>: the models with their size and cost; with a name, that model's layers.</summary>
sealed class ModelsCommand : ICliCommand
{
    readonly Argument<string?> name = new("name") { Arity = ArgumentArity.ZeroOrOne };

    public CommandHelp Help { get; } = new("models", "[NAME]", "List the models, or the layers of one.", ["models", "models resnet50"]);

    public void Configure(Command command) => command.Arguments.Add(name);

    public int Run(ParseResult parsed, Terminal terminal)
    {
        // Nothing is computed, so the weights need no values.
        using var undefined = Initialization.BeginUndefined();
        if (parsed.GetValue(this.name) is { } name)
            WriteLayers(name, terminal.Out);
        else
            WriteModels(terminal.Out);
        return ExitCodes.Success;
    }

    static void WriteModels(TextWriter output)
    {
        output.WriteLine($"{"model",-24}{"pixels",8}{"parameters",13}{"multiply-adds",16}");
        foreach (ModelEntry entry in ModelRegistry.Models)
        {
            ModelSummary summary = Summarise(entry.Name);
            output.WriteLine(
                $"{entry.Name,-24}{entry.Config.InputSize,8}{Grouped(summary.Parameters),13}{Grouped(summary.MultiplyAdds),16}  "
                + $"{entry.Description}");
        }
    }

    static void WriteLayers(string name, TextWriter output)
    {
        ModelSummary summary = Summarise(name);
        output.WriteLine($"{"layer",-32}{"type",-14}{"output",-18}{"parameters",13}{"multiply-adds",16}");
        foreach (LayerSummary layer in summary.Layers)
            output.WriteLine(
                $"{layer.Name,-32}{layer.Type,-14}{layer.Output,-18}{Grouped(layer.Parameters),13}{Grouped(layer.MultiplyAdds),16}");
        output.WriteLine($"{"total",-64}{Grouped(summary.Parameters),13}{Grouped(summary.MultiplyAdds),16}");
    }

    // Memory that nobody has written costs next to nothing.
    static ModelSummary Summarise(string name)
    {
        ImageModel model = ModelRegistry.Create(name);
        var summary = ModelSummary.Of(model);
        foreach (StateEntry entry in model.State())
            entry.Tensor.Dispose();
        return summary;
    }

    static string Grouped(long number) => number.ToString("N0", CultureInfo.InvariantCulture);
}
