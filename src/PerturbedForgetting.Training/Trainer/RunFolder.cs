using System.Globalization;
using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Training.Checkpoints;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Progress;

namespace PerturbedForgetting.Training;

/// <summary>The directory of a run: (output or <c>output/train</c>)/(experiment or time-model-size).</summary>
static class RunFolder
{
    /// <summary>The directory that the options name; created by the first file in it.</summary>
    /// <param name="options">Of the run.</param>
    /// <param name="imageSize">In pixels.</param>
    public static string Resolve(TrainOptions options, int imageSize)
    {
        string output = OutputOf(options);
        if (options.Experiment.Length > 0)
            return Path.GetFullPath(Path.Combine(output, options.Experiment));
        string name = string.Create(CultureInfo.InvariantCulture,
            $"{DateTime.Now:yyyyMMdd-HHmmss}-{options.Model.Replace('.', '_')}-{imageSize}");
        string path = Path.Combine(output, name);
        // Runs that begin within one second must not share a directory.
        for (int i = 2; Directory.Exists(path); i++)
            path = Path.Combine(output, string.Create(CultureInfo.InvariantCulture, $"{name}-{i}"));
        return Path.GetFullPath(path);
    }

    /// <summary>The folder that runs have theirs in.</summary>
    public static string OutputOf(TrainOptions options) =>
        options.Output.Length > 0 ? options.Output : Path.Combine("output", "train");

    /// <summary>The directory of the run that the options continue; none where it does not exist, or where they begin one.</summary>
    public static string? Continued(TrainOptions options)
    {
        if (options.Resume.Length == 0)
            return null;
        string folder = options.Experiment.Length > 0 ? Resolve(options, 0) : FolderOf(options.Resume);
        return Directory.Exists(folder) ? folder : null;
    }

    /// <summary>The run directory of a checkpoint, from a path of either.</summary>
    public static string FolderOf(string checkpoint)
    {
        string path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(checkpoint));
        return Directory.Exists(path) ? path : Path.GetDirectoryName(path)!;
    }

    /// <summary>Takes a run directory for this process, and finishes there what a kill interrupted.</summary>
    /// <exception cref="CheckpointException">Another process trains there.</exception>
    public static RunLock Own(string folder, ITrainingObserver observer)
    {
        var owned = RunLock.Take(folder, line => observer.Message(MessageLevel.Info, line));
        CheckpointFolder.Settle(folder);
        return owned;
    }

    /// <summary>Refuses to begin anew where a run already has checkpoints.</summary>
    /// <exception cref="OptionException">It has.</exception>
    public static void RequireFresh(string folder, TrainOptions options)
    {
        if (CheckpointFolder.HasCheckpoints(folder))
        {
            throw new OptionException(new OptionProblem(TrainOptions.ExperimentOption.Flag,
                $"'{options.Experiment}' already holds a run ('{folder}'). "
                + $"Continue it with {TrainOptions.ResumeOption} auto, or name another experiment."));
        }
    }

    /// <summary>Writes the effective options, which <c>--config</c> reads back; where this start began is no part of them.</summary>
    public static void WriteOptions(string folder, TrainOptions options) =>
        AtomicFile.WriteText(Path.Combine(folder, "args.json"), OptionsJson.Write(options with { Resume = "", StartEpoch = null }));
}
