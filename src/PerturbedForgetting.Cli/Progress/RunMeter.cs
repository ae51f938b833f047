using System.Globalization;
using PerturbedForgetting.Training.Progress;

namespace PerturbedForgetting.Cli.Progress;

/// <summary>Smoothed speed, share of waiting and time left, from the events of a run.</summary>
sealed class RunMeter
{
    // About the last twenty steps: quick enough to follow a change, slow enough to read.
    const double Weight = 0.05;

    double stepSeconds;
    double dataSeconds;
    double images;
    double total;
    double epochStepSeconds;
    double validationSeconds;
    int epochs;

    /// <summary>Images a second, data included; 0 before the first step.</summary>
    public double ImagesPerSecond => stepSeconds > 0 ? images / stepSeconds : 0;

    /// <summary>Share of the time spent waiting for images, 0 to 1.</summary>
    public double DataShare => stepSeconds > 0 ? dataSeconds / stepSeconds : 0;

    /// <summary>Time left, with the validations to come; null before the first step.</summary>
    public TimeSpan? Left { get; private set; }

    public void Start(in EpochStart epoch)
    {
        epochs = epoch.Epochs;
        epochStepSeconds = 0;
    }

    public void Add(in UpdateProgress update)
    {
        Smooth(update.Images, update.StepSeconds, update.DataSeconds, update.Updates);
        epochStepSeconds += update.StepSeconds;
        long updates = (long)Math.Max(epochs - update.Epoch, 1) * update.UpdatesPerEpoch - update.Update;
        Left = Seconds(updates * (stepSeconds / total) + Math.Max(epochs - update.Epoch, 1) * validationSeconds);
    }

    public void Add(in EvaluationProgress progress)
    {
        Smooth((double)progress.Images / progress.Batch * progress.BatchesSince, progress.BatchSeconds, 0, progress.BatchesSince);
        Left = Seconds((progress.Batches - progress.Batch) * (stepSeconds / total));
    }

    public void End(in EpochResult result)
    {
        validationSeconds = Math.Max(0, result.Seconds - epochStepSeconds);
        // A step of the validation says nothing about one of the training.
        stepSeconds = dataSeconds = images = total = 0;
    }

    /// <summary>A duration as <c>1d02h</c>, <c>3h07m</c>, <c>4m05s</c> or <c>12s</c>.</summary>
    public static string Format(TimeSpan? time) => time is not { } t ? "?"
        : t.TotalDays >= 1 ? string.Create(CultureInfo.InvariantCulture, $"{(int)t.TotalDays}d{t.Hours:00}h")
        : t.TotalHours >= 1 ? string.Create(CultureInfo.InvariantCulture, $"{t.Hours}h{t.Minutes:00}m")
        : t.TotalMinutes >= 1 ? string.Create(CultureInfo.InvariantCulture, $"{t.Minutes}m{t.Seconds:00}s")
        : string.Create(CultureInfo.InvariantCulture, $"{t.Seconds}s");

    static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(Math.Clamp(seconds, 0, 1e9));

    void Smooth(double images, double stepSeconds, double dataSeconds, int steps)
    {
        this.images = (1 - Weight) * this.images + images;
        this.stepSeconds = (1 - Weight) * this.stepSeconds + stepSeconds;
        this.dataSeconds = (1 - Weight) * this.dataSeconds + dataSeconds;
        total = (1 - Weight) * total + steps;
    }
}
