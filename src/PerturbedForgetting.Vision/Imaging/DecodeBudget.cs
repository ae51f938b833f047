using System.Diagnostics;

namespace PerturbedForgetting.Vision.Imaging;

/// <summary>The last resort against images that are made to take long: a limit on the time of each. Decoders ask once for a row, a
/// scan or a segment.</summary>
/// <remarks>Time counts only as far as the decoder runs: between two questions a second at most is taken for work, so that a process
/// that was stopped and continued loses no image.</remarks>
sealed class DecodeBudget(TimeSpan limit)
{
    static readonly TimeSpan longestStep = TimeSpan.FromSeconds(1);

    TimeSpan spent;
    long last;

    /// <summary>Ends decoding when it is cancelled.</summary>
    public CancellationToken Stop { get; set; }

    /// <summary>A new image begins.</summary>
    public void Restart() => (spent, last) = (TimeSpan.Zero, Stopwatch.GetTimestamp());

    /// <summary>Goes on with the image after a pause that does not count.</summary>
    public void Resume() => last = Stopwatch.GetTimestamp();

    /// <summary>Ends the image if it has taken too long, or nobody waits for it any more.</summary>
    /// <exception cref="ImageDecodeException">The limit is exceeded.</exception>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public void Check()
    {
        Stop.ThrowIfCancellationRequested();
        long now = Stopwatch.GetTimestamp();
        TimeSpan step = Stopwatch.GetElapsedTime(last, now);
        spent += step < longestStep ? step : longestStep;
        last = now;
        if (spent > limit)
        {
            throw new ImageDecodeException(ImageProblem.TooSlow, FormattableString.Invariant(
                $"decoding it takes more than {limit.TotalSeconds:0.##} s; store it again in a usual way"));
        }
    }
}
