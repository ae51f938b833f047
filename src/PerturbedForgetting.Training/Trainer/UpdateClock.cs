using System.Diagnostics;
using PerturbedForgetting.Vision.Loading;

namespace PerturbedForgetting.Training;

/// <summary>Measures batches and updates.</summary>
sealed class UpdateClock(ImageLoader loader)
{
    long batchStarted = Stopwatch.GetTimestamp(), updateStarted = Stopwatch.GetTimestamp();
    double waited = loader.WaitTime.TotalSeconds;
    int images;

    /// <summary>Seconds since the batch before.</summary>
    public double Batch(int count)
    {
        images += count;
        long now = Stopwatch.GetTimestamp();
        double seconds = Stopwatch.GetElapsedTime(batchStarted, now).TotalSeconds;
        batchStarted = now;
        return seconds;
    }

    /// <summary>Images, seconds, and seconds waited for data since the update before.</summary>
    public (int Images, double Seconds, double Waited) Update()
    {
        var result = (images, Stopwatch.GetElapsedTime(updateStarted).TotalSeconds, loader.WaitTime.TotalSeconds - waited);
        (images, updateStarted, waited) = (0, Stopwatch.GetTimestamp(), loader.WaitTime.TotalSeconds);
        return result;
    }
}
