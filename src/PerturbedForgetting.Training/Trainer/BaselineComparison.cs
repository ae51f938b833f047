using PerturbedForgetting.Training.Evaluation;
using PerturbedForgetting.Training.Optimizers;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Processes;
using PerturbedForgetting.Training.Progress;

namespace PerturbedForgetting.Training;

/// <summary>
/// Trains the same model the same way without a perturbation, and with the perturbation of standard SAM where the run had another, each
/// with several seeds, and says what each learnt of the backgrounds.
/// </summary>
static class BaselineComparison
{
    /// <summary>Seeds of each: the run's own and those after it.</summary>
    public const int Seeds = 3;

    /// <summary>Runs the others in folders of the run (<c>baseline</c>, <c>sam</c>, and with a further seed <c>seed-43</c>,
    /// <c>baseline-43</c>, <c>sam-43</c>), from where they stopped if they were interrupted.</summary>
    public static TrainResult Run(TrainResult result, TrainOptions options, ITrainingObserver observer, World world,
        CancellationToken token)
    {
        var methods = Methods(options).Select(static o => (Options: o, Biases: new List<BackgroundBias>())).ToArray();
        var quiet = new WarningsObserver(observer);
        for (int i = 0; i < Seeds; i++)
        {
            foreach (var (method, biases) in methods)
            {
                if (i == 0 && ReferenceEquals(method, options))
                {
                    biases.Add(result.Bias!);
                    continue;
                }
                int seed = unchecked(options.Seed + i);
                observer.Message(MessageLevel.Info, $"For comparison: {Trainer.Name(method)}, seed {seed}, otherwise the same.");
                var settled = method with
                {
                    Output = result.Folder,
                    Experiment = Folder(method, options, i == 0 ? null : seed),
                    Seed = seed,
                    Resume = "auto",
                    StartEpoch = null,
                    CheckpointHist = 1,
                };
                var trained = Trainer.Train(settled, quiet, token, given: null, world).Result;
                if (trained.Status != TrainStatus.Completed)
                    return result with { Status = trained.Status };
                biases.Add(trained.Bias!);
            }
        }
        foreach (string line in BiasTable.Lines([.. methods.Select(static m => (Trainer.Name(m.Options), m.Biases))], options.Seed))
            observer.Message(MessageLevel.Info, line);
        return result;
    }

    /// <summary>The run itself comes last.</summary>
    static IEnumerable<TrainOptions> Methods(TrainOptions options)
    {
        yield return options with
        {
            Opt = options.Opt with { Perturbation = PerturbationKind.None },
            SharpnessM = -1,
            PerturbLoss = PerturbLoss.Maximize,
            AdaptiveSam = false,
            AsamBeforeNorm = false,
            AsamAfterNorm = false,
            GsamAlpha = 0,
        };
        if (options.PerturbLoss != PerturbLoss.Maximize)
            yield return options with { PerturbLoss = PerturbLoss.Maximize };
        yield return options;
    }

    static string Folder(TrainOptions method, TrainOptions own, int? seed)
    {
        string name = ReferenceEquals(method, own) ? "seed" : method.Opt.Perturbs ? "sam" : "baseline";
        return seed is null ? name : FormattableString.Invariant($"{name}-{seed}");
    }

    /// <summary>Passes on what happens but for what each of many runs says of itself.</summary>
    sealed class WarningsObserver(ITrainingObserver observer) : ITrainingObserver
    {
        public void EpochStarted(in EpochStart epoch) => observer.EpochStarted(epoch);

        public void UpdateDone(in UpdateProgress update) => observer.UpdateDone(update);

        public void ValidationProgress(in EvaluationProgress progress) => observer.ValidationProgress(progress);

        public void EpochEnded(in EpochResult result) => observer.EpochEnded(result);

        public void CheckpointWritten(in CheckpointInfo checkpoint) => observer.CheckpointWritten(checkpoint);

        public void Message(MessageLevel level, string text)
        {
            if (level != MessageLevel.Info)
                observer.Message(level, text);
        }
    }
}
