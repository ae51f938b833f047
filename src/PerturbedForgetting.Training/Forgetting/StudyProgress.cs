using System.Diagnostics;
using PerturbedForgetting.Training.Progress;

namespace PerturbedForgetting.Training.Forgetting;

/// <summary>Says how far a study is: a line a result, and one now and then while a result takes long.</summary>
/// <param name="observer">Hears it.</param>
/// <param name="total">Results in all.</param>
sealed class StudyProgress(ITrainingObserver observer, int total)
{
    static readonly TimeSpan silence = TimeSpan.FromSeconds(10);

    readonly Stopwatch measuring = new(), sinceLine = Stopwatch.StartNew();
    int done, measured;
    long images;

    /// <summary>A result that an earlier start measured.</summary>
    public void Found() => done++;

    /// <summary>Measures a result.</summary>
    /// <param name="name">What is measured.</param>
    /// <param name="measure">Measures it.</param>
    public CellResult Measure(string name, Func<CellResult> measure)
    {
        var cell = Timed(measure);
        var set = cell.On(ImageSets.HeldOut);
        int top1 = Forgetting.Measure.Output("top1"), loss = Forgetting.Measure.Output("loss");
        observer.Message(MessageLevel.Info, FormattableString.Invariant($"  {done} of {total}: {name}: held-out top-1 ")
            + FormattableString.Invariant($"{set.MeanBefore(top1):F2} -> {set.MeanAfter(top1):F2} %, loss ")
            + FormattableString.Invariant($"{set.MeanBefore(loss):G4} -> {set.MeanAfter(loss):G4}{Rate()}"));
        sinceLine.Restart();
        return cell;
    }

    /// <summary>Finds an eigenvalue.</summary>
    /// <param name="model">Of this model.</param>
    /// <param name="measure">Finds it.</param>
    public EigenvalueResult MeasureEigenvalue(string model, Func<EigenvalueResult> measure)
    {
        var result = Timed(measure);
        observer.Message(result.HasConverged ? MessageLevel.Info : MessageLevel.Warning,
            FormattableString.Invariant($"  {done} of {total}: {model}: top eigenvalue {result.Value:G6}, residual {result.Residual:G2}")
            + (result.HasConverged ? "" : ": it has not converged") + Rate());
        sinceLine.Restart();
        return result;
    }

    /// <summary>Images went through the model.</summary>
    public void Saw(int count)
    {
        images += count;
        if (sinceLine.Elapsed < silence)
            return;
        sinceLine.Restart();
        observer.Message(MessageLevel.Info, FormattableString.Invariant($"  {done} of {total} measured{Rate()}"));
    }

    T Timed<T>(Func<T> measure)
    {
        measuring.Start();
        T result = measure();
        measuring.Stop();
        done++;
        measured++;
        return result;
    }

    string Rate()
    {
        double seconds = measuring.Elapsed.TotalSeconds;
        if (seconds <= 0)
            return "";
        string rate = FormattableString.Invariant($"; {images / seconds:0} img/s");
        if (measured == 0 || done == total)
            return rate;
        double left = seconds / measured * (total - done);
        return rate + (left < 90 ? FormattableString.Invariant($", {left:0} s left")
            : left < 5400 ? FormattableString.Invariant($", {left / 60:0} min left")
            : FormattableString.Invariant($", {left / 3600:0.0} h left"));
    }
}
