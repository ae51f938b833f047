using System.Globalization;
using System.Net;
using System.Runtime.ExceptionServices;
using System.Security.Cryptography;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Distributed;
using PerturbedForgetting.Training;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Processes;
using PerturbedForgetting.Training.Processes.Control;
using PerturbedForgetting.Training.Processes.Launching;
using PerturbedForgetting.Training.Progress;

namespace PerturbedForgetting.Cli.Processes;

/// <summary>
/// A command as one of several processes, or alone. It joins the others, passes a signal on to them, and sees to it that all end when one
/// does: whatever ends this one is told, and where the others are gone and something still hangs here, this process ends nevertheless.
/// </summary>
/// <param name="launch">What started this process as one of several; null where it was started alone.</param>
/// <param name="timeout">How long to wait for others.</param>
/// <param name="interruption">Hears signals.</param>
/// <param name="error">Where a process other than the first speaks when the first cannot.</param>
sealed class ProcessSession(Launch? launch, TimeSpan timeout, Interruption interruption, TextWriter error) : IDisposable
{
    readonly List<IDisposable> registrations = [];
    ProcessWorld? world;
    LocalProcesses? started;
    CancellationTokenSource? stop;

    // It has to outlive the session: the end of the process may hang as well.
    static Timer? lastResort;

    /// <summary>The processes; <see cref="World.Alone"/> before they have met.</summary>
    public World World => world ?? World.Alone;

    /// <summary>Cancelled when a signal comes, here or to another process, or another is gone.</summary>
    public CancellationToken Token => stop?.Token ?? interruption.Token;

    /// <summary>What the process returns that was asked to stop; 0 where nobody has.</summary>
    int ExitCode => interruption.ExitCode != 0 ? interruption.ExitCode
        : world is null || !world.StopRequested.IsCancellationRequested ? 0
        : world.StopCode != 0 ? world.StopCode : ExitCodes.Terminated;

    /// <summary>How long a process has to end by itself once another is gone.</summary>
    static TimeSpan Patience => TimeSpan.FromSeconds(30);

    /// <summary>Meets the others: those that a launcher has started, or that this process starts.</summary>
    /// <param name="gpus">How many processes to start, this one among them, where no launcher has.</param>
    /// <param name="observer">Told what was recognised, and who is waited for.</param>
    /// <exception cref="CommunicationException">They do not come, or one is gone already.</exception>
    public void Join(int gpus, ITrainingObserver observer)
    {
        if (launch is null && gpus == 1)
        {
            if (Launch.NoteOfBatch(Environment.GetEnvironmentVariable) is { } note)
                observer.Message(MessageLevel.Info, note);
            return;
        }
        void Waiting(string line) => observer.Message(MessageLevel.Info, line);
        world = launch is not null
            ? ProcessWorld.Join(launch, null, timeout, Waiting, interruption.Token)
            : Start(gpus, Waiting);
        stop = CancellationTokenSource.CreateLinkedTokenSource(interruption.Token, world.StopRequested);
        world.Failed = GiveUp;
        if (world.IsFirst)
        {
            observer.Message(MessageLevel.Info, $"Processes: {world.Description}");
            registrations.Add(world.StopRequested.Register(() =>
            {
                if (interruption.ExitCode == 0)
                    observer.Message(MessageLevel.Info, $"{Interruption.Announcement}: another process was asked to.");
            }));
        }
        // The last that is registered is the first that is called: the code comes before requests without one.
        registrations.Add(interruption.Token.Register(() => world.RequestStop(interruption.ExitCode)));
    }

    /// <summary>Makes sure that all processes do the same.</summary>
    /// <exception cref="DisagreementException">They do not.</exception>
    public void Agree(string command, RunOptions options, OptionTable table) => Agreement.Require(World,
        Fact.OfOptions(options, table).Prepend(new("command", command)).Prepend(new("program version", CommandLineApp.Version)));

    ProcessWorld Start(int count, Action<string> waiting)
    {
        string token = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        Launch first = new(Launcher.First, 0, count) { LocalRank = 0, LocalSize = count };
        ControlHub hub = new(first, Meeting.OfStarted(IPAddress.Loopback.ToString(), 0, token), timeout) { HearsOfEnds = true };
        try
        {
            started = new LocalProcesses(count, hub.Port, token, Patience + TimeSpan.FromSeconds(2), hub.MemberEnded);
        }
        catch
        {
            hub.Dispose();
            throw;
        }
        return ProcessWorld.Host(hub, first, null, null, waiting, interruption.Token);
    }

    /// <summary>Does the work, and tells the others what ends it.</summary>
    /// <returns>The exit code where it has ended, and everything has been said; null where it is done.</returns>
    public int? Guard(Action work)
    {
        try
        {
            work();
            return null;
        }
        catch (OperationCanceledException) when (ExitCode != 0)
        {
            return ExitCode;
        }
        catch (Exception e) when (launch is not null || started is not null)
        {
            return End(e);
        }
    }

    /// <summary>Others are gone: ends work that would find out late or never.</summary>
    void GiveUp(string reason)
    {
        lastResort = new Timer(_ => EndAnyway(reason), null, Patience, Timeout.InfiniteTimeSpan);
        try
        {
            stop!.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It has found out.
        }
    }

    int End(Exception exception)
    {
        // What the device says of it when its group ends is not what has happened, and who is taken for gone himself was only stopped.
        Exception cause = world is { Failure: { } reason } && exception is not CommunicationException
            && (world.FailedRank != world.Rank || exception is OperationCanceledException)
            ? new CommunicationException(reason, exception)
            : exception;
        StringWriter text = new();
        int exitCode = Failures.Report(cause, text);
        // All processes find these together; nobody need be told.
        if (cause is not (CommunicationException or DisagreementException or NotFiniteException))
            world?.Leave(text.ToString().Trim());
        if (launch is null or { Rank: 0 })
            ExceptionDispatchInfo.Throw(cause);
        if (!ProcessWorld.IsToldByFirst(cause) && world is null or { FirstCanSpeak: false })
            error.Write(string.Create(CultureInfo.InvariantCulture, $"rank {launch!.Rank}: {text}"));
        return exitCode;
    }

    /// <summary>Something here waits for what will never come, though it has been told.</summary>
    void EndAnyway(string reason)
    {
        if (world is null or { FirstCanSpeak: false })
            error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"error: {reason} (rank {World.Rank} did not end in time)"));
        started?.Kill();
        HardExit.Now(ExitCodes.ProcessGone);
    }

    /// <summary>Parts from the others, and waits for those that this process has started.</summary>
    public void Dispose()
    {
        foreach (IDisposable registration in registrations)
            registration.Dispose();
        world?.Dispose();
        // Those that hang are killed in their time.
        lastResort?.Change((2 * Patience) + TimeSpan.FromSeconds(5), Timeout.InfiniteTimeSpan);
        started?.Dispose();
        stop?.Dispose();
    }

    /// <summary>How many processes options ask for, this one among them.</summary>
    /// <exception cref="DeviceException">There are not as many GPUs.</exception>
    public static int Count(RunOptions options)
    {
        if (!options.UsesSeveralGpus)
            return 1;
        if (options.Device == SoftwareGpu.Name)
            return options.GpuCount ?? throw new OptionException(new OptionProblem(RunOptions.GpusOption.Flag,
                $"has nothing to count on {RunOptions.DeviceOption} {SoftwareGpu.Name}; give a number."));
        int there = ProcessDevice.Count(), count = options.GpuCount ?? there;
        return count >= 1 && count <= there ? count : throw new DeviceException(string.Create(CultureInfo.InvariantCulture,
            $"{RunOptions.GpusOption} {options.Gpus}: this machine has {(there == 0 ? "no GPU" : Quantity.Of(there, "GPU"))}. ")
            + $"Use fewer, or {RunOptions.DeviceOption} {SoftwareGpu.Name}, the software GPU.");
    }
}
