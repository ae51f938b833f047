using System.Diagnostics;

namespace PerturbedForgetting.Training.Progress;

/// <summary>Says how far work is that consists of many passes over the same images: lines that come neither too often nor too seldom, with
/// the rate and the time that is left.</summary>
/// <param name="observer">Hears it.</param>
/// <param name="images">Images of a pass.</param>
/// <param name="batches">Batches of a pass.</param>
sealed class PassProgress(ITrainingObserver observer, long images, int batches)
{
    static readonly TimeSpan shortest = TimeSpan.FromSeconds(2), longest = TimeSpan.FromSeconds(15);

    readonly Stopwatch sinceLine = new(), inTask = new();
    string task = "";
    int passes, done;

    /// <summary>Other work begins.</summary>
    /// <param name="name">What it is for.</param>
    /// <param name="most">Passes that it takes at most.</param>
    public void Begin(string name, int most)
    {
        (task, passes, done) = (name, most, 0);
        inTask.Restart();
        sinceLine.Restart();
    }

    /// <summary>A batch of a pass is done.</summary>
    /// <param name="batch">How many of the pass.</param>
    public void BatchDone(int batch)
    {
        if (sinceLine.Elapsed >= longest)
            Tell(FormattableString.Invariant($"batch {batch} of {batches}"), done + ((double)batch / batches));
    }

    /// <summary>A pass is done.</summary>
    /// <param name="state">What is known now.</param>
    public void PassDone(string state)
    {
        done++;
        if (sinceLine.Elapsed >= shortest)
            Tell(state, done);
    }

    void Tell(string state, double exactly)
    {
        sinceLine.Restart();
        double seconds = inTask.Elapsed.TotalSeconds, left = seconds / exactly * (passes - exactly);
        string rate = FormattableString.Invariant($"{exactly * images / seconds:0} img/s");
        observer.Message(MessageLevel.Info,
            FormattableString.Invariant($"  {task}: pass {Math.Min(done + (exactly > done ? 1 : 0), passes)} of at most {passes}, ")
            + $"{state}; {rate}, at most {Duration(left)} left");
    }

    static string Duration(double seconds) => TimeSpan.FromSeconds(Math.Clamp(seconds, 0, 1e9)) switch
    {
        { TotalHours: >= 1 } t => FormattableString.Invariant($"{(int)t.TotalHours}h{t.Minutes:00}m"),
        { TotalMinutes: >= 1 } t => FormattableString.Invariant($"{t.Minutes}m{t.Seconds:00}s"),
        var t => FormattableString.Invariant($"{t.Seconds}s"),
    };
}
