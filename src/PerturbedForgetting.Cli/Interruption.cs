using System.Runtime.InteropServices;

namespace PerturbedForgetting.Cli;

/// <summary>
/// Ctrl-C and the request to end. The first asks the run to finish its step, write a checkpoint and leave; the second ends the
/// process at once.
/// </summary>
sealed class Interruption : IDisposable
{
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

    /// <summary>130 or 143 once a signal came; 0 before.</summary>
    public int ExitCode => Volatile.Read(ref exitCode);

    /// <summary>Listens to the signals of this process until disposed.</summary>
    public static Interruption Listen(TextWriter error)
    {
        Interruption interruption = new(error, Environment.Exit);
        foreach ((PosixSignal signal, int exitCode) in new[] { (PosixSignal.SIGINT, ExitCodes.Interrupted),
            (PosixSignal.SIGTERM, ExitCodes.Terminated) })
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
            exit(exitCode);
            return;
        }
        error.WriteLine("Stopping after this step; signal again to stop at once.");
        source.Cancel();
    }

    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in registrations)
            registration.Dispose();
        source.Dispose();
    }
}
