using PerturbedForgetting.Training.Progress;

namespace PerturbedForgetting.Training.Forgetting;

/// <summary>Says how far a study is: a line a result, and one now and then while a result takes long.</summary>
/// <param name="observer">Hears it.</param>
/// <param name="cells">Results of perturbations in all.</param>
/// <param name="eigenvalues">Eigenvalues in all.</param>
/// <param name="clock">Tells the time.</param>
sealed class StudyProgress(ITrainingObserver observer, int cells, int eigenvalues, TimeProvider clock)
{
    static readonly TimeSpan silence = TimeSpan.FromSeconds(10);

    // An eigenvalue takes many times as long as a perturbation, and more than that for a pass over the same images.
    readonly Work ofCells = new(cells, clock), ofEigenvalues = new(eigenvalues, clock);
    long lastLine = clock.GetTimestamp();

    /// <summary>A result of a perturbation that an earlier start measured.</summary>
    public void Found() => ofCells.Done++;

    /// <summary>An eigenvalue that an earlier start found.</summary>
    public void FoundEigenvalue() => ofEigenvalues.Done++;

    /// <summary>Measures a result.</summary>
    /// <param name="name">What is measured.</param>
    /// <param name="measure">Measures it.</param>
    public CellResult Measure(string name, Func<CellResult> measure)
    {
        var cell = ofCells.Run(measure);
        var set = cell.On(ImageSets.HeldOut);
        int top1 = Forgetting.Measure.Output("top1"), loss = Forgetting.Measure.Output("loss");
        observer.Message(MessageLevel.Info, FormattableString.Invariant($"  {Place}: {name}: held-out top-1 ")
            + FormattableString.Invariant($"{set.MeanBefore(top1):F2} -> {set.MeanAfter(top1):F2} %, loss ")
            + FormattableString.Invariant($"{set.MeanBefore(loss):G4} -> {set.MeanAfter(loss):G4}{Rate(ofCells)}"));
        lastLine = clock.GetTimestamp();
        return cell;
    }

    /// <summary>Finds an eigenvalue.</summary>
    /// <param name="model">Of this model.</param>
    /// <param name="measure">Finds it.</param>
    public EigenvalueResult MeasureEigenvalue(string model, Func<EigenvalueResult> measure)
    {
        var result = ofEigenvalues.Run(measure);
        observer.Message(result.HasConverged ? MessageLevel.Info : MessageLevel.Warning,
            FormattableString.Invariant($"  {Place}: {model}: top eigenvalue {result.Value:G6}, residual {result.Residual:G2}")
            + (result.HasConverged ? "" : ": it has not converged") + Rate(ofEigenvalues));
        lastLine = clock.GetTimestamp();
        return result;
    }

    /// <summary>Images went through the model.</summary>
    public void Saw(int count)
    {
        var now = ofEigenvalues.IsRunning ? ofEigenvalues : ofCells;
        now.Images += count;
        if (clock.GetElapsedTime(lastLine) < silence)
            return;
        lastLine = clock.GetTimestamp();
        observer.Message(MessageLevel.Info, $"  {Place} measured{Rate(now)}");
    }

    string Place => FormattableString.Invariant($"{ofCells.Done + ofEigenvalues.Done} of {cells + eigenvalues}");

    /// <summary>How fast the work at hand is, and how long all of it still takes, once something of each kind that is left was
    /// measured.</summary>
    string Rate(Work now)
    {
        if (now.Seconds <= 0)
            return "";
        string rate = FormattableString.Invariant($"; {now.Images / now.Seconds:0} img/s");
        double left = ofCells.SecondsLeft + ofEigenvalues.SecondsLeft;
        if (double.IsNaN(left) || ofCells.Done + ofEigenvalues.Done == cells + eigenvalues)
            return rate;
        return rate + (left < 90 ? FormattableString.Invariant($", {left:0} s left")
            : left < 5400 ? FormattableString.Invariant($", {left / 60:0} min left")
            : FormattableString.Invariant($", {left / 3600:0.0} h left"));
    }

    /// <summary>Results of one kind.</summary>
    /// <param name="total">How many are wanted.</param>
    /// <param name="clock">Tells the time.</param>
    sealed class Work(int total, TimeProvider clock)
    {
        int measured;
        TimeSpan ofMeasured;
        long begun;

        /// <summary>Results that are there, those of an earlier start included.</summary>
        public int Done { get; set; }

        /// <summary>Images that went through the model.</summary>
        public long Images { get; set; }

        /// <summary>Whether one is being measured.</summary>
        public bool IsRunning { get; private set; }

        /// <summary>What all of them took so far.</summary>
        public double Seconds => (ofMeasured + Running).TotalSeconds;

        /// <summary>What is left takes as long as what was measured; NaN where nothing was.</summary>
        public double SecondsLeft => Done == total ? 0 : measured == 0 ? double.NaN
            : Math.Max(0, (ofMeasured / measured * (total - Done) - Running).TotalSeconds);

        TimeSpan Running => IsRunning ? clock.GetElapsedTime(begun) : TimeSpan.Zero;

        /// <summary>Measures one.</summary>
        public T Run<T>(Func<T> measure)
        {
            (begun, IsRunning) = (clock.GetTimestamp(), true);
            T result = measure();
            ofMeasured += Running;
            IsRunning = false;
            Done++;
            measured++;
            return result;
        }
    }
}
