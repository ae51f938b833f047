using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training.Checkpoints;
using PerturbedForgetting.Training.Forgetting;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Progress;
using PerturbedForgetting.Training.Runs;
using PerturbedForgetting.Training.Statistics;
using PerturbedForgetting.Vision.Datasets;

namespace PerturbedForgetting.Training;

/// <summary>Measures what perturbations of the weights make models forget, and how that goes together with generalisation over several
/// runs: the work of the command <c>forgetting</c>.</summary>
public static class ForgettingStudy
{
    /// <summary>Measures the checkpoints that the options name, and writes tables and plots. A study that was ended goes on where it
    /// was; then too the tables hold what was measured.</summary>
    /// <param name="options">Checkpoints, perturbations, images.</param>
    /// <param name="observer">Receives the progress.</param>
    /// <param name="token">Ends it.</param>
    /// <param name="given">The options that a person gave; without this set, those that differ from the defaults. Of the others, those of
    /// the model, of its images, its data and its loss come from the checkpoint.</param>
    /// <returns>The results as a table for people.</returns>
    /// <exception cref="OptionException">An option is wrong.</exception>
    /// <exception cref="RunException">A folder is not that of a run.</exception>
    /// <exception cref="CheckpointException">A checkpoint cannot be used.</exception>
    /// <exception cref="DatasetException">The data cannot be used.</exception>
    /// <exception cref="IOException">A file cannot be written.</exception>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public static string Run(ForgettingOptions options, ITrainingObserver observer, CancellationToken token,
        IReadOnlySet<OptionSpec>? given = null)
    {
        options = options with { Checkpoint = options.Targets.FirstOrDefault() ?? "" };
        options.RequireValid();
        Cpu.Threads = options.Threads > 0 ? options.Threads : Environment.ProcessorCount;
        var targets = StudyTargets.Of(options, observer);
        var report = new ForgettingReport(options.Out);
        report.Require();
        int cases = ModelStudy.CasesOf(options, numClasses: 2).Count;
        var progress = new StudyProgress(observer, targets.Count * cases, options.TopEigenvalue ? targets.Count : 0, TimeProvider.System);
        var study = new ModelStudy(options, given, new CellStore(Path.Combine(options.Out, "cells")), progress, observer, token);
        List<StudiedModel> models = [];
        try
        {
            foreach (var target in targets)
                study.Run(target, models.Add);
        }
        catch (OperationCanceledException)
        {
            report.Write(models, []);
            observer.Message(MessageLevel.Warning, $"Ended; {options.Out} holds what was measured, and the same command goes on.");
            throw;
        }
        var correlations = Correlate(models, observer, token);
        report.Write(models, correlations);
        observer.Message(MessageLevel.Info, $"Tables and plots: {options.Out}");
        return ForgettingText.Of(models, correlations);
    }

    static IReadOnlyList<Correlation> Correlate(List<StudiedModel> models, ITrainingObserver observer, CancellationToken token)
    {
        var runs = Correlations.OneOfEachRun(models);
        if (runs.Count == 1)
            return [];
        if (runs.Count < RankTest.FewestPairs)
        {
            observer.Message(MessageLevel.Info, FormattableString.Invariant(
                $"No correlation with generalisation: there are {runs.Count} runs, and it takes {RankTest.FewestPairs} or more."));
            return [];
        }
        if (runs.Count < FewRuns)
        {
            observer.Message(MessageLevel.Warning, FormattableString.Invariant(
                $"Correlations are over {runs.Count} runs, which is few: even a perfect one has p {RankTest.LeastP(runs.Count):G2}, ")
                + "and of many correlations some are large by chance.");
        }
        return Correlations.Of(models, [.. models.SelectMany(static m => m.Cells.Select(static c => c.Case)).Distinct()], token);
    }

    /// <summary>Below this, a table of correlations comes with a warning.</summary>
    const int FewRuns = 10;
}
