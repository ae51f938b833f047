using System.CommandLine;
using PerturbedForgetting.Training;
using PerturbedForgetting.Training.Hessian;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Cli.Commands;

/// <summary><c>hessian</c>.</summary>
sealed class HessianCommand : OptionCommand<HessianOptions>
{
    readonly Argument<string?> checkpoint = new("checkpoint") { Arity = ArgumentArity.ZeroOrOne };

    public override CommandHelp Help { get; } = new(
        "hessian", "CHECKPOINT [options]",
        "Look at the curvature of a trained model's loss: eigenvalues, trace, density of eigenvalues, sharpness.",
        [
            "hessian output/train/my-run/last.safetensors",
            "hessian output/train/my-run/last.safetensors --eigenvalues 5 --which both --trace 50 --density 8 --out hessian",
            "hessian output/train/my-run --images 2048 --eigenvalues 0 --rho 0.05 0.1 --sharpness-m 16 128",
        ],
        () => OptionTables.Hessian, new HessianOptions());

    public override void Configure(Command command)
    {
        base.Configure(command);
        command.Arguments.Add(checkpoint);
    }

    protected override void Take(ParseResult parsed, HessianOptions options)
    {
        if (parsed.GetValue(checkpoint) is { } path)
            options.Checkpoint = path;
    }

    /// <summary>What comes out in the end may be read by a program.</summary>
    protected override bool StreamsOutput => true;

    protected override int LogInterval(HessianOptions options) => options.LogFreq;

    protected override CommandResult Run(HessianOptions options, RunContext context)
    {
        var report = HessianAnalyzer.Run(options, context.Observer, context.Token, context.Given);
        return new(ExitCodes.Success, HessianReportText.Write(report, options.Format));
    }
}
