using PerturbedForgetting.Training;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Cli.Commands;

/// <summary><c>predict</c>.</summary>
sealed class PredictCommand : ImageInputCommand<PredictOptions>
{
    public override CommandHelp Help { get; } = new(
        "predict", "IMAGE|FOLDER... [options]", "Say what a model takes images for: classes with their scores, on the standard output.",
        [
            "predict cat.jpg --checkpoint output/train/my-run/best.safetensors",
            "predict photos more/a.png --checkpoint best.safetensors --topk 1 --format csv --out answers.csv --bad-images skip",
        ],
        () => OptionTables.Predict, new PredictOptions());

    protected override bool StreamsOutput => true;

    protected override CommandResult Run(PredictOptions options, RunContext context)
    {
        Predictor.Run(options, context.Output, context.Observer, context.Token, context.Given);
        return new(ExitCodes.Success, "");
    }
}
