using System.Runtime.InteropServices;

namespace PerturbedForgetting.Cli;

/// <summary>
/// Ctrl-C, the request to end, and the end of the terminal. The first asks the run to finish its step, write a checkpoint and leave; the
/// second ends the process at once.
/// </summary>
sealed class Interruption : IDisposable
{
    /// <summary>How the line begins that says that a signal was heard.</summary>
    public const string Announcement = "Stopping after this step";

    readonly CancellationTokenSource source = new();
    readonly TextWriter error;
    readonly Action<int> exit;
    readonly List<PosixSignalRegistration> registrations = [];
    int exitCode;

    public Interruption(TextWriter error, Action<int> exit)
    {
        this.error = error;
        this.exit = exit;
    }

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Token => source.Token;

    /// <summary>129, 130 or 143 once a signal came; 0 before.</summary>
    public int ExitCode => Volatile.Read(ref exitCode);

    /// <summary>Listens to the signals of this process until disposed.</summary>
    public static Interruption Listen(TextWriter error)
    {
        Interruption interruption = new(error, Environment.Exit);
        foreach ((PosixSignal signal, int exitCode) in new[] { (PosixSignal.SIGINT, ExitCodes.Interrupted),
            (PosixSignal.SIGTERM, ExitCodes.Terminated), (PosixSignal.SIGHUP, ExitCodes.HungUp) })
        {
            interruption.registrations.Add(PosixSignalRegistration.Create(signal, context =>
            {
                context.Cancel = true;
                interruption.Signal(exitCode);
            }));
        }
        return interruption;
    }

    /// <summary>A signal came.</summary>
    internal void Signal(int exitCode)
    {
        if (Interlocked.CompareExchange(ref this.exitCode, exitCode, 0) != 0)
        {
            // A terminal that closes may say so twice, and nobody is impatient then.
            if (exitCode != ExitCodes.HungUp)
                exit(exitCode);
            return;
        }
        try { error.WriteLine($"{Announcement}; signal again to stop at once."); }
        // There may be nobody left to tell.
        catch (IOException) { }
        source.Cancel();
    }

    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in registrations)
            registration.Dispose();
        source.Dispose();
    }
}
