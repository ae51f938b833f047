using System.CommandLine;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training.Checkpoints;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Runs.Reporting;
using PerturbedForgetting.Training.Runs.Sweeping;

namespace PerturbedForgetting.Cli.Commands;

/// <summary><c>sweep</c>: <c>train</c> for every combination of some values.</summary>
sealed class SweepCommand(CommandHandlers handlers) : OptionCommand<TrainOptions>
{
    readonly Option<string[]> vary = new("--vary") { Arity = new ArgumentArity(1, 100), AllowMultipleArgumentsPerToken = false },
        devices = new("--devices") { Arity = new ArgumentArity(1, 100), AllowMultipleArgumentsPerToken = false };
    IReadOnlyList<SweepAxis> axes = [];
    IReadOnlyList<string> names = [];

    public override CommandHelp Help { get; } = new(
        "sweep", "--vary OPTION=VALUE,VALUE... --experiment NAME [options of train]",
        "Train every combination of values of some options; the same command again goes on where it stopped.",
        [
            "sweep --vary rho=0.05,0.1,0.2 --vary seed=1..3 --experiment rho --dataset builtin/shapes",
            "sweep --vary preset=rn8sh_vanilla,rn8sh_sam_max,rn8sh_sam_obf --vary seed=1..3 --experiment shapes",
            "sweep --vary obf-gamma=0,0.5,1 --experiment gamma --config args.json --devices cuda:0,cuda:1",
        ],
        () => OptionTables.Train, new TrainOptions())
    {
        Options =
        [
            ("--vary OPTION=VALUE,...", "an option of train with its values, seed=1..5, or preset=NAME,...; several make a grid"),
            ("--devices NAME,...", "devices that runs run on at the same time, a process each; default: one after the other here"),
        ],
    };

    public override void Configure(Command command)
    {
        base.Configure(command);
        command.Options.Add(vary);
        command.Options.Add(devices);
    }

    protected override void Preset(TrainOptions options, string dataset) => QuickStart.Apply(options, dataset);

    protected override void Settle(TrainOptions options, IReadOnlySet<OptionSpec> given) => QuickStart.Settle(options, given);

    protected override void Take(ParseResult parsed, TrainOptions options)
    {
        axes = [.. (parsed.GetValue(vary) ?? []).Select(SweepAxis.Parse)];
        names = (parsed.GetValue(devices) ?? []).SelectMany(list => list.Split(',', StringSplitOptions.TrimEntries)).ToArray();
        if (names.FirstOrDefault(n => !Device.IsName(n)) is { } wrong)
            throw new OptionException(new OptionProblem("--devices",
                $"'{wrong}' is not one of {string.Join(", ", Device.Names)}.{Suggestions.DidYouMean(wrong, Device.Names)}"));
    }

    /// <summary>Each run's options are checked with its values.</summary>
    protected override IReadOnlyList<OptionProblem> Check(TrainOptions options) => [];

    protected override int LogInterval(TrainOptions options) => options.LogInterval;

    protected override CommandResult Run(TrainOptions options, RunContext context)
    {
        var plan = SweepPlan.Make(options, context.Given, axes);
        SweepRunner runner = new(plan, context.Observer);
        SweepPlace here = (point, token) => RunHere(point, context, token);
        runner.Run(names.Count == 0 ? [here] : [.. names.Select(ChildRun.On)], context.Token);
        int failed = runner.States.Count(s => s.State == SweepState.Failed);
        bool isComplete = runner.States.Any(s => s.State == SweepState.Finished);
        string table = isComplete ? RunReporter.Describe(plan.Folder, $"Sweep {options.Experiment}") : "";
        return new(failed > 0 ? ExitCodes.Failure : ExitCodes.Success, $"{table}{Environment.NewLine}"
            + $"Table: {Path.Combine(plan.Folder, "sweep.csv")}, curve: {Path.Combine(plan.Folder, "sweep.png")}");
    }

    (SweepState State, string Message) RunHere(SweepPoint point, RunContext context, CancellationToken token)
    {
        try
        {
            handlers.Train(point.Options, context with { Given = point.Given, Token = token });
            return (SweepState.Finished, "");
        }
        catch (CheckpointException e) when (e.IsInUse)
        {
            return (SweepState.InUse, "");
        }
    }
}
