using System.Globalization;
using PerturbedForgetting.Training.Progress;

namespace PerturbedForgetting.Cli.Progress;

/// <summary>Smoothed speed, share of waiting and time left, from the events of a run.</summary>
internal sealed class RunMeter
{
    // About the last twenty steps: quick enough to follow a change, slow enough to read.
    private const double Weight = 0.05;

    private double _stepSeconds;
    private double _dataSeconds;
    private double _images;
    private double _total;
    private double _epochStepSeconds;
    private double _validationSeconds;
    private int _epochs;

    /// <summary>Images a second, data included; 0 before the first step.</summary>
    public double ImagesPerSecond => _stepSeconds > 0 ? _images / _stepSeconds : 0;

    /// <summary>Share of the time spent waiting for images, 0 to 1.</summary>
    public double DataShare => _stepSeconds > 0 ? _dataSeconds / _stepSeconds : 0;

    /// <summary>Time left, with the validations to come; null before the first step.</summary>
    public TimeSpan? Left { get; private set; }

    public void Start(in EpochStart epoch)
    {
        _epochs = epoch.Epochs;
        _epochStepSeconds = 0;
    }

    public void Add(in UpdateProgress update)
    {
        Smooth(update.Images, update.StepSeconds, update.DataSeconds);
        _epochStepSeconds += update.StepSeconds;
        long updates = (long)Math.Max(_epochs - update.Epoch, 1) * update.UpdatesPerEpoch - update.Update;
        Left = Seconds(updates * (_stepSeconds / _total) + Math.Max(_epochs - update.Epoch, 1) * _validationSeconds);
    }

    public void Add(in EvaluationProgress progress)
    {
        Smooth((double)progress.Images / progress.Batch, progress.BatchSeconds, 0);
        Left = Seconds((progress.Batches - progress.Batch) * (_stepSeconds / _total));
    }

    public void End(in EpochResult result)
    {
        _validationSeconds = Math.Max(0, result.Seconds - _epochStepSeconds);
        // A step of the validation says nothing about one of the training.
        _stepSeconds = _dataSeconds = _images = _total = 0;
    }

    /// <summary>A duration as <c>1d02h</c>, <c>3h07m</c>, <c>4m05s</c> or <c>12s</c>.</summary>
    public static string Format(TimeSpan? time) => time is not { } t ? "?"
        : t.TotalDays >= 1 ? string.Create(CultureInfo.InvariantCulture, $"{(int)t.TotalDays}d{t.Hours:00}h")
        : t.TotalHours >= 1 ? string.Create(CultureInfo.InvariantCulture, $"{t.Hours}h{t.Minutes:00}m")
        : t.TotalMinutes >= 1 ? string.Create(CultureInfo.InvariantCulture, $"{t.Minutes}m{t.Seconds:00}s")
        : string.Create(CultureInfo.InvariantCulture, $"{t.Seconds}s");

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(Math.Clamp(seconds, 0, 1e9));

    private void Smooth(double images, double stepSeconds, double dataSeconds)
    {
        _images = (1 - Weight) * _images + images;
        _stepSeconds = (1 - Weight) * _stepSeconds + stepSeconds;
        _dataSeconds = (1 - Weight) * _dataSeconds + dataSeconds;
        _total = (1 - Weight) * _total + 1;
    }
}
