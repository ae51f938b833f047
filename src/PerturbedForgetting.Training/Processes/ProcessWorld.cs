using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Distributed;
using PerturbedForgetting.Tensors.Distributed.Mpi;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Processes.Control;
using PerturbedForgetting.Training.Processes.Launching;

namespace PerturbedForgetting.Training.Processes;

/// <summary>Makes the group in which a device's tensors are reduced.</summary>
/// <param name="world">Its processes, which can already talk.</param>
/// <param name="device">Of this process.</param>
/// <exception cref="CommunicationException">There is no library for it, or a member is gone.</exception>
delegate Communicator OpenCommunicator(ProcessWorld world, Device device);

/// <summary>
/// The processes that a launcher has started: <c>mpirun</c>, <c>srun</c>, <c>torchrun</c>, whoever sets RANK and WORLD_SIZE, or
/// <c>--gpus</c>. Beside the group of their devices they have a connection of each to the first (TCP), on which they agree, and find
/// out when one is gone.
/// </summary>
/// <example><code>
/// using var world = ProcessWorld.Join(TimeSpan.FromMinutes(10), Console.Error.WriteLine, CancellationToken.None);
/// var result = Trainer.Run(options, observer, CancellationToken.None, world: world);
/// </code></example>
public sealed class ProcessWorld : World
{
    readonly Launch launch;
    readonly ControlChannel channel;
    readonly OpenCommunicator open;
    readonly Lock opening = new();
    Communicator? communicator;
    MpiProcess? mpi;

    ProcessWorld(Launch launch, ControlChannel channel, string place, OpenCommunicator? open, MpiProcess? mpi)
    {
        (this.launch, this.channel, this.open, this.mpi) = (launch, channel, open ?? Communicators.Open, mpi);
        if (mpi is not null)
            mpi.Timeout = PatienceOfMpi(channel.Timeout);
        Description = Describe(place);
        channel.Failed = failure =>
        {
            Abort(failure.Reason);
            Failed?.Invoke(failure.Reason);
        };
    }

    /// <inheritdoc/>
    public override int Rank => launch.Rank;

    /// <inheritdoc/>
    public override int Size => launch.Size;

    /// <inheritdoc/>
    public override int LocalRank => channel.Members[Rank].LocalRank!.Value;

    /// <inheritdoc/>
    public override int LocalSize => channel.Members[Rank].LocalSize!.Value;

    /// <inheritdoc/>
    public override string Description { get; }

    /// <inheritdoc/>
    public override Communicator Communicator => communicator ?? Communicator.Alone;

    /// <summary>Cancelled as soon as any member has asked to stop, for work that needs nobody else.</summary>
    public CancellationToken StopRequested => channel.StopRequested;

    /// <summary>With what code the member asked who asked first; 0 where nobody has, or has given none.</summary>
    public int StopCode => channel.StopCode;

    /// <summary>Why the processes cannot go on together; null while they can.</summary>
    public string? Failure => channel.Failure?.Reason;

    /// <summary>Which process is gone; null where all are there, negative where it is none alone.</summary>
    internal int? FailedRank => channel.Failure?.Rank;

    /// <summary>Whether another process, the first, knows what has happened and can say it for all.</summary>
    internal bool FirstCanSpeak => Rank != 0 && channel.Failure is not { IsOfTheHub: true };

    /// <summary>Whether the first process itself has told of what an exception says.</summary>
    internal static bool IsToldByFirst(Exception exception) => ControlChannel.FailureOf(exception) is { IsOfTheHub: false };

    /// <summary>What has started the processes, for people.</summary>
    internal string Launcher => launch.Title;

    /// <summary>Whether Slurm has started them.</summary>
    internal bool IsOfSlurm => launch.By == Launching.Launcher.Slurm;

    /// <summary>Whether MPI connects them.</summary>
    internal bool HasMpi => launch.HasMpi;

    /// <summary>Called once, on a thread of its own, as soon as the processes cannot go on together.</summary>
    internal Action<string>? Failed { get; set; }

    /// <summary>Joins the processes that this one was started with; <see cref="World.Alone"/> where it was started alone.</summary>
    /// <param name="timeout">How long to wait for the others; later, how long one may be silent or keep the others waiting.</param>
    /// <param name="waiting">Told, in the first process, who has not come yet.</param>
    /// <param name="token">Ends the wait.</param>
    /// <exception cref="OptionException">A variable of the environment does not hold what it should.</exception>
    /// <exception cref="CommunicationException">They do not come, or one is gone already.</exception>
    public static World Join(TimeSpan timeout, Action<string> waiting, CancellationToken token) =>
        Launch.Here() is { } launch ? Join(launch, null, timeout, waiting, token) : Alone;

    /// <summary>The same for a launch that is known.</summary>
    internal static ProcessWorld Join(
        Launch launch, OpenCommunicator? open, TimeSpan timeout, Action<string> waiting, CancellationToken token)
    {
        // MPI knows who belongs together, and it is only guessed from the parent, which may be a shell of each.
        int? parent = MpiApi.Installed.IsSupported ? null : ParentProcess.Number;
        var meeting = Meeting.Find(launch, Environment.GetEnvironmentVariable, parent);
        if (meeting is not null)
            return Join(launch, meeting, open, null, timeout, waiting, token);
        // Nobody has said where the first is; MPI carries it, and there is nobody else yet who watches.
        var patience = timeout > Meeting.LeastPatience ? timeout : Meeting.LeastPatience;
        var mpi = MpiProcess.Start(MpiApi.Installed, patience, launch.Size);
        try
        {
            if (launch.Rank != 0)
                return Join(launch, Meeting.Read(mpi.Broadcast([], 0)), open, mpi, timeout, waiting, token);
            string secret = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
            ControlHub hub = new(launch, Meeting.Of([], 0, secret), timeout);
            mpi.Broadcast(Meeting.ToBytes(hub.Port, secret), 0);
            return Host(hub, launch, open, mpi, waiting, token);
        }
        catch
        {
            mpi.Abort("the processes did not meet");
            mpi.Dispose();
            throw;
        }
    }

    /// <summary>The same for a meeting that is known.</summary>
    internal static ProcessWorld Join(Launch launch, Meeting meeting, OpenCommunicator? open, MpiProcess? mpi, TimeSpan timeout,
        Action<string> waiting, CancellationToken token)
    {
        if (launch.Rank == 0)
            return Host(new ControlHub(launch, meeting, timeout), launch, open, mpi, waiting, token);
        var member = ControlMember.Join(launch, meeting, timeout, token);
        return Guarded(member, () =>
        {
            member.WaitForAll(token);
            return new(launch, member, meeting.ToString(), open, mpi);
        });
    }

    /// <summary>The first process of a hub that others have been told of.</summary>
    internal static ProcessWorld Host(ControlHub hub, Launch launch, OpenCommunicator? open, MpiProcess? mpi, Action<string> waiting,
        CancellationToken token) => Guarded(hub, () =>
    {
        hub.WaitForAll(waiting, token);
        return new(launch, hub, FormattableString.Invariant($"port {hub.Port}"), open, mpi);
    });

    /// <summary>Starts MPI where that has not been done.</summary>
    /// <exception cref="CommunicationException">It cannot be started, or a member is gone.</exception>
    internal MpiProcess StartMpi()
    {
        if (mpi is not null)
            return mpi;
        // While it waits for all, nothing else ends it when one does not come.
        var starting = Task.Run(() => MpiProcess.Start(MpiApi.Installed, PatienceOfMpi(channel.Timeout), Size));
        while (!((IAsyncResult)starting).AsyncWaitHandle.WaitOne(TimeSpan.FromMilliseconds(50)))
            channel.ThrowIfFailed();
        return mpi = starting.GetAwaiter().GetResult();
    }

    /// <inheritdoc/>
    public override void Open(Device device)
    {
        channel.ThrowIfFailed();
        Close();
        var opened = new WatchedCommunicator(open(this, device), channel);
        lock (opening)
            communicator = opened;
        // It may have come to an end in between, when there was nothing to abort.
        if (channel.Failure is { } failure)
            opened.Abort(failure.Reason);
        channel.ThrowIfFailed();
    }

    /// <inheritdoc/>
    public override void Close()
    {
        Communicator? closing;
        lock (opening)
            (closing, communicator) = (communicator, null);
        closing?.Dispose();
    }

    /// <inheritdoc/>
    public override IReadOnlyList<byte[]> Gather(ReadOnlySpan<byte> message) =>
        Collection.Split(channel.Exchange(ControlKind.Gather, message), Size);

    /// <inheritdoc/>
    public override void Sum(Span<double> values) =>
        MemoryMarshal.Cast<byte, double>(channel.Exchange(ControlKind.Sum, MemoryMarshal.AsBytes(values))).CopyTo(values);

    /// <inheritdoc/>
    public override void RequestStop() => RequestStop(0);

    /// <summary>The same with a code that all come to know as <see cref="StopCode"/>: that of the process's end.</summary>
    public void RequestStop(int code) => channel.RequestStop(code);

    /// <inheritdoc/>
    public override bool MayBegin(long update) => channel.MayBegin();

    /// <inheritdoc/>
    public override void Leave(string reason)
    {
        channel.Leave(reason);
        Abort(reason);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        // Its members part in it together, so nobody may have gone before.
        Close();
        mpi?.Dispose();
        channel.Dispose();
    }

    /// <summary>Who is gone is found out by the channel, which can name him, before MPI is out of patience.</summary>
    static TimeSpan PatienceOfMpi(TimeSpan timeout) => (1.5 * timeout) + TimeSpan.FromSeconds(10);

    void Abort(string reason)
    {
        lock (opening)
            communicator?.Abort(reason);
        mpi?.Abort(reason);
    }

    static ProcessWorld Guarded(ControlChannel channel, Func<ProcessWorld> join)
    {
        try
        {
            return join();
        }
        catch
        {
            channel.Dispose();
            throw;
        }
    }

    string Describe(string place)
    {
        var machines = channel.Members.GroupBy(static m => (m.Machine, m.Host)).ToArray();
        string where = machines.Length == 1
            ? $"on {machines[0].Key.Host}"
            : $"on {machines.Length} machines ({string.Join(", ", machines.Take(4).Select(static m => $"{m.Key.Host}: {Ranks([.. m])}"))}"
                + (machines.Length > 4 ? ", …)" : ")");
        return string.Create(CultureInfo.InvariantCulture,
            $"{Size} processes started by {launch.Title}, {where}; this is rank {Rank}; control channel at rank 0, {place}");
    }

    static string Ranks(Member[] members) => members.Length == 1
        ? string.Create(CultureInfo.InvariantCulture, $"rank {members[0].Rank}")
        : string.Create(CultureInfo.InvariantCulture, $"ranks {members[0].Rank} to {members[^1].Rank}");
}
