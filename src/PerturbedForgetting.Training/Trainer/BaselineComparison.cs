using System.Globalization;
using PerturbedForgetting.Training.Evaluation;
using PerturbedForgetting.Training.Optimizers;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Progress;

namespace PerturbedForgetting.Training;

/// <summary>
/// Trains the same model the same way without a perturbation, and with the perturbation of standard SAM where the run had another,
/// and says what each learnt of the backgrounds.
/// </summary>
static class BaselineComparison
{
    /// <summary>Runs the others in folders <c>baseline</c> and <c>sam</c> of the run, from where they stopped if they were
    /// interrupted.</summary>
    public static TrainResult Run(TrainResult result, TrainOptions options, ITrainingObserver observer, CancellationToken token)
    {
        var rows = new List<(string Name, BackgroundBias Bias)>();
        foreach (var other in Others(options))
        {
            observer.Message(MessageLevel.Info, $"For comparison: {Trainer.Name(other)}, otherwise the same.");
            var settled = other with { Output = result.Folder, Resume = "auto", StartEpoch = null, CheckpointHist = 1 };
            var trained = Trainer.Train(settled, observer, token, given: null).Result;
            if (trained.Status != TrainStatus.Completed)
                return result with { Status = trained.Status };
            rows.Add((Trainer.Name(other), trained.Bias!));
        }
        rows.Add((Trainer.Name(options), result.Bias!));
        foreach (string line in Lines(rows, options.Seed))
            observer.Message(MessageLevel.Info, line);
        return result;
    }

    static IEnumerable<TrainOptions> Others(TrainOptions options)
    {
        yield return options with
        {
            Opt = options.Opt with { Perturbation = PerturbationKind.None },
            Experiment = "baseline",
            SharpnessM = -1,
            PerturbLoss = PerturbLoss.Maximize,
            AdaptiveSam = false,
            AsamBeforeNorm = false,
            AsamAfterNorm = false,
            GsamAlpha = 0,
        };
        if (options.PerturbLoss != PerturbLoss.Maximize)
            yield return options with { PerturbLoss = PerturbLoss.Maximize, Experiment = "sam" };
    }

    static IEnumerable<string> Lines(List<(string Name, BackgroundBias Bias)> rows, int seed)
    {
        var (_, last) = rows[^1];
        yield return string.Create(CultureInfo.InvariantCulture,
            $"Background bias on validation images ({last.Images.Agreeing} whose background agrees with their class, "
            + $"{last.Images.Contradicting} whose background contradicts it):");
        int width = rows.Max(r => r.Name.Length);
        foreach (var (name, bias) in rows)
            yield return $"  {name.PadRight(width)}  {bias}";
        foreach (var (name, bias) in rows.SkipLast(1))
            yield return string.Create(CultureInfo.InvariantCulture,
                $"  Against {name}: accuracy on contradicting backgrounds {last.Contradicting - bias.Contradicting:+0.0;-0.0;0.0} points, "
                + $"gap {last.Gap - bias.Gap:+0.0;-0.0;0.0} points.");
        yield return string.Create(CultureInfo.InvariantCulture,
            $"  This is one run of each, with seed {seed}; other seeds move these numbers by several points either way. Average some "
            + $"before concluding.");
    }
}
