using System.CommandLine;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Runs.Reporting;

namespace PerturbedForgetting.Cli.Commands;

/// <summary><c>report</c>: several runs as a table.</summary>
sealed class ReportCommand : OptionCommand<ReportOptions>
{
    readonly Argument<string[]> folders = new("folders") { Arity = ArgumentArity.ZeroOrMore };

    public override CommandHelp Help { get; } = new(
        "report", "DIR... [options]", "Make a table of runs: mean and deviation over seeds, paired differences with confidence intervals.",
        ["report output/train", "report output/train --baseline vanilla --at best --out report"],
        () => OptionTables.Report, new ReportOptions());

    public override void Configure(Command command)
    {
        base.Configure(command);
        command.Arguments.Add(folders);
    }

    protected override void Take(ParseResult parsed, ReportOptions options) => options.Folders = parsed.GetValue(folders) ?? [];

    protected override int LogInterval(ReportOptions options) => 1;

    protected override CommandResult Run(ReportOptions options, RunContext context) => new(ExitCodes.Success, RunReporter.Run(options));
}
