namespace PerturbedForgetting.Vision.Datasets;

/// <summary>Runs work that may take long before a data set can be read, and reports now and then how far it is; not at all if it is done
/// before the first report is due.</summary>
/// <param name="options">Whom to tell, and what ends the work.</param>
/// <param name="task">What is being done: "indexing 147 files".</param>
/// <param name="total">Bytes in all.</param>
sealed class ProgressMeter(DatasetOptions options, string task, long total)
{
    static readonly TimeSpan pause = TimeSpan.FromSeconds(3);

    long done;

    /// <summary>More bytes are done. Called by the work, from any number of threads.</summary>
    /// <exception cref="OperationCanceledException">Nobody waits for the rest any more.</exception>
    public void Add(long bytes)
    {
        options.Stop.ThrowIfCancellationRequested();
        Interlocked.Add(ref done, bytes);
    }

    /// <summary>Runs the work on another thread, and reports on this one. Throws what the work throws.</summary>
    public void Run(Action work)
    {
        var running = Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        while (Task.WaitAny([running], pause) < 0)
            options.Progress?.Invoke(new DatasetProgress(task, Math.Min(Interlocked.Read(ref done), total), total));
        running.GetAwaiter().GetResult();
    }
}
