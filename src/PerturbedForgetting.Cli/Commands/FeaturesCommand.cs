using PerturbedForgetting.Training;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Cli.Commands;

/// <summary><c>features</c>.</summary>
sealed class FeaturesCommand : ImageInputCommand<FeaturesOptions>
{
    public override CommandHelp Help { get; } = new(
        "features", "[IMAGE|FOLDER...] [options]",
        "Write what a model's last layer sees of images, pooled, as .safetensors or .npy, with names and labels beside it.",
        [
            "features photos --checkpoint best.safetensors --out features.npy",
            "features --data-dir imagenet --split validation --checkpoint best.safetensors --out features.safetensors",
        ],
        () => OptionTables.Features, new FeaturesOptions());

    protected override CommandResult Run(FeaturesOptions options, RunContext context)
    {
        FeatureExtractor.Run(options, context.Observer, context.Token, context.Given);
        return new(ExitCodes.Success, "");
    }
}
