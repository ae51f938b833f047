using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Training;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Presets;
using PerturbedForgetting.Training.Progress;
using PerturbedForgetting.Training.Runs;

namespace PerturbedForgetting.Cli.Commands;

/// <summary><c>presets validate</c>: measures the model of a preset on each of its sets, and keeps the numbers beside it for
/// <c>report</c>.</summary>
sealed class PresetsValidateCommand(CommandHandlers handlers) : PresetCommand<ValidateOptions>
{
    public override CommandHelp Help { get; } = new("presets validate", "NAME [options]",
        "Measure a trained experiment on all its test sets; with --validate-hessian its largest Hessian eigenvalue.",
        [
            "presets validate rn50_sam_obf --data-dir ~/tensorflow_datasets",
            "presets validate rn8sh_sam_obf --checkpoint output/train/rn8sh_sam_obf-1/last.safetensors",
        ],
        () => OptionTables.Validate, new ValidateOptions());

    /// <summary>Each set's options are checked when it is its turn.</summary>
    protected override IReadOnlyList<OptionProblem> Check(ValidateOptions options) => [];

    protected override int LogInterval(ValidateOptions options) => options.LogFreq;

    protected override CommandResult Run(ValidateOptions options, RunContext context)
    {
        TrainOptions training = new();
        Chosen.Apply(training);
        var steps = options.ValidateHessian
            ? [(Evaluations.Hessian, Chosen.Hessian(training) ?? throw WithoutHessian())]
            : Chosen.Evaluations(training);
        StringWriter all = new();
        int exitCode = ExitCodes.Success;
        foreach (var (name, step) in steps)
        {
            context.Token.ThrowIfCancellationRequested();
            context.Observer.Message(MessageLevel.Info, $"{Chosen.Name} on {name}:");
            try
            {
                var given = Complete(step, options, context.Given);
                foreach (OptionProblem note in step.Options.RequireValid())
                    context.Observer.Message(MessageLevel.Warning, note.ToString());
                string result = handlers.Validate(step.Options, context with { Given = given });
                string path = Evaluations.PathOf(RunFolder.FolderOf(step.Options.Checkpoint), name);
                AtomicFile.WriteText(path, result);
                all.WriteLine($"{name}{Environment.NewLine}{result.TrimEnd()}");
                context.Observer.Message(MessageLevel.Info, $"Written to '{path}'.");
            }
            // Of five sets one may not be there; the others are still worth measuring.
            catch (Exception e) when (Failures.Classify(e).ExitCode is ExitCodes.BadData or ExitCodes.WrongOption)
            {
                context.Observer.Message(MessageLevel.Warning, $"{name} is left out: {e.Message}");
                exitCode = exitCode == ExitCodes.Success ? Failures.Classify(e).ExitCode : exitCode;
            }
        }
        return new(exitCode, $"--result{Environment.NewLine}{all}");
    }

    OptionException WithoutHessian() => new(new OptionProblem(ValidateOptions.ValidateHessianOption.Flag,
        $"the paper has no Hessian of {Chosen.Name}; use 'validate' with the options that are wanted."));

    /// <summary>Puts what was typed over the options of a set; where no folder of data was named it is that of the run.</summary>
    static HashSet<OptionSpec> Complete(PresetEvaluation step, ValidateOptions typed, IReadOnlySet<OptionSpec> given)
    {
        foreach (OptionSpec spec in given)
            spec.Set(step.Options, spec.Get(typed));
        HashSet<OptionSpec> all = [.. step.Given, .. given];
        bool namesData = all.Contains(RunOptions.DatasetOption);
        if (namesData && step.Options.DataDir is null && Path.GetDirectoryName(step.Options.Checkpoint) is { } folder
            && RunRecord.IsRun(folder) && RunRecord.Read(folder).Options.DataDir is { } data)
        {
            step.Options.DataDir = data;
            all.Add(RunOptions.DataDirOption);
        }
        return all;
    }
}
