namespace PerturbedForgetting.Vision.Imaging;

/// <summary>How reads are tried again that a disk or network failed: after pauses of 0.1 s, 0.2 s, 0.4 s and so on, 10 s at most. Safe for
/// any number of threads.</summary>
/// <param name="count">How often one read is tried again.</param>
sealed class ReadRetries(int count)
{
    const double First = 0.1, Longest = 10;

    int taken;

    /// <summary>Ends a pause.</summary>
    public CancellationToken Stop { get; set; }

    /// <summary>Whether a read that has failed is to be tried again.</summary>
    /// <param name="error">Why it failed.</param>
    /// <param name="failures">How often it had failed before.</param>
    public bool Allow(IOException error, int failures) => failures < count && TransientErrors.Include(error);

    /// <summary>Waits before the next try.</summary>
    /// <exception cref="OperationCanceledException">Nobody waits for the read any more.</exception>
    public void Pause(int failures)
    {
        Interlocked.Increment(ref taken);
        Stop.WaitHandle.WaitOne(TimeSpan.FromSeconds(Math.Min(First * Math.Pow(2, failures), Longest)));
        Stop.ThrowIfCancellationRequested();
    }

    /// <summary>What an error says that ended a read in spite of all.</summary>
    public string Describe(Exception error) => count > 0 && error is IOException io && TransientErrors.Include(io)
        ? FormattableString.Invariant($"{error.Message} (tried {count + 1L} times)")
        : error.Message;

    /// <summary>How many times reads were tried again since the last call.</summary>
    public int TakeCount() => Interlocked.Exchange(ref taken, 0);
}
