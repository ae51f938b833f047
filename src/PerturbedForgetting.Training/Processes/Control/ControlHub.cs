using System.Globalization;
using System.Net.Sockets;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Distributed;
using PerturbedForgetting.Training.Processes.Launching;

namespace PerturbedForgetting.Training.Processes.Control;

/// <summary>The first process's end of the control channel: all others connect to it, and it decides.</summary>
sealed class ControlHub : ControlChannel
{
    /// <summary>How long after its end a process is listened to.</summary>
    static readonly TimeSpan parting = TimeSpan.FromSeconds(2);

    /// <summary>Milliseconds that a step may take, be the others ever so impatient.</summary>
    const long LongStep = 60_000;

    readonly Member own;
    readonly TimeSpan patience;
    readonly ControlEntrance entrance;
    readonly Seat[] seats;
    readonly Collection collection;
    readonly StopDecision stop;
    long brokenSince;

    /// <summary>Listens on the first port that is free.</summary>
    /// <param name="launch">Who this process is.</param>
    /// <param name="meeting">Where the processes meet.</param>
    /// <param name="timeout">How long a process may be silent, or keep the others waiting.</param>
    /// <exception cref="CommunicationException">No port is free.</exception>
    public ControlHub(Launch launch, Meeting meeting, TimeSpan timeout) : base(timeout, 0)
    {
        own = Member.This(launch);
        patience = timeout > meeting.Patience ? timeout : meeting.Patience;
        seats = [.. Enumerable.Range(0, launch.Size).Select(static _ => new Seat())];
        (collection, stop) = (new(launch.Size), new(launch.Size));
        entrance = new(meeting, launch.Size + 64, Admit);
        Start();
    }

    /// <summary>Where it listens.</summary>
    public int Port => entrance.Port;

    /// <summary>Waits until all processes are there.</summary>
    /// <param name="waiting">Told now and then who is not.</param>
    /// <param name="token">Ends the wait.</param>
    /// <exception cref="CommunicationException">They do not come, or one is gone already.</exception>
    public void WaitForAll(Action<string> waiting, CancellationToken token)
    {
        long began = Environment.TickCount64, told = began;
        using var stopped = token.Register(() => { lock (Gate) Monitor.PulseAll(Gate); });
        lock (Gate)
        {
            while (Members.Count == 0)
            {
                ThrowIfFailed();
                token.ThrowIfCancellationRequested();
                long now = Environment.TickCount64;
                if (now - began > patience.TotalMilliseconds)
                {
                    Fail(new(-1, string.Create(CultureInfo.InvariantCulture,
                        $"{Missing()} did not come to rank 0 ({own.Host}, port {Port}) within {patience.TotalSeconds:0.#} s.")));
                    continue;
                }
                if (now - told >= 10_000)
                {
                    told = now;
                    waiting($"Waiting at {own.Host}, port {Port.ToString(CultureInfo.InvariantCulture)}, for {Missing()}.");
                }
                Monitor.Wait(Gate, 200);
            }
        }
    }

    /// <summary>Whether somebody calls <see cref="MemberEnded"/>, so that it is worth a moment to hear how.</summary>
    public bool HearsOfEnds { get; set; }

    /// <summary>A process that this one has started has ended; where it had not parted, it is missed.</summary>
    public void MemberEnded(int rank, string how)
    {
        lock (Gate)
            if (!seats[rank].HasParted)
                Fail(new(rank, $"{Name(rank)} has ended: {how}."));
    }

    public override void Leave(string reason) => Fail(new(0, $"{own}: {reason}", IsDeparture: stop.HasBegun));

    private protected override void Tell(ControlKind kind, ReadOnlySpan<byte> payload) => Handle(0, kind, payload);

    private protected override void OnFailure(ControlFailure why) => SendAll(ControlKind.Failed, why.ToBytes());

    private protected override void Beat()
    {
        lock (Gate)
            foreach (var seat in seats)
                seat.Connection?.Send(ControlKind.Beat, default);
    }

    private protected override void Listen(int milliseconds)
    {
        List<Socket> readable = [], writable = [];
        lock (Gate)
        {
            if (entrance.IsOpen)
                readable.Add(entrance.Listener);
            foreach (var connection in Connections())
            {
                readable.Add(connection.Socket);
                if (connection.HasWaiting)
                    writable.Add(connection.Socket);
            }
        }
        if (readable.Count == 0)
        {
            Thread.Sleep(milliseconds);
            return;
        }
        Socket.Select(readable, writable.Count > 0 ? writable : null, null, 1000 * milliseconds);
        lock (Gate)
        {
            if (entrance.IsOpen && readable.Contains(entrance.Listener))
                entrance.Accept();
            entrance.Receive();
            for (int i = 1; i < seats.Length; i++)
            {
                int rank = i;
                seats[rank].Connection?.Receive((kind, payload) => Handle(rank, kind, payload.Span));
            }
            foreach (var connection in Connections())
                connection.Flush();
        }
    }

    private protected override void Watch(long now, long gap)
    {
        entrance.Watch(now);
        if (Members.Count == 0 && seats.Skip(1).All(static s => s.Member is not null))
            Begin();
        seats[0].Progress = Progress;
        var furthest = seats.Max(static s => s.Progress);
        for (int rank = 0; rank < seats.Length; rank++)
        {
            var seat = seats[rank];
            seat.Forgive(gap);
            if (WhatIsWrong(rank, seat, furthest, now) is { } wrong)
            {
                Fail(new(rank, wrong, IsDeparture: seat.HasParted));
                return;
            }
        }
    }

    string? WhatIsWrong(int rank, Seat seat, ControlProgress furthest, long now)
    {
        if (seat.HasParted)
            return Members.Count > 0 && seat.Progress.CompareTo(furthest) < 0 ? $"{Name(rank)} has ended before the others." : null;
        if (seat.Connection is { IsBroken: true })
            return IsTimeToSay(now) ? $"{Name(rank)} is gone: its connection was closed." : null;
        if (seat.Connection is { } connection && now - connection.Heard > SilenceMilliseconds)
            return string.Create(CultureInfo.InvariantCulture,
                $"{Name(rank)} has not been heard for {Timeout.TotalSeconds:0.#} s: it hangs, or the network is cut.");
        if (Members.Count == 0)
            return null;
        if (seat.IsBehindFor(furthest, now) > Forbearance(seat.Progress, furthest))
            return string.Create(CultureInfo.InvariantCulture, $"{Name(rank)} keeps the others waiting for more than "
                + $"{Timeout.TotalSeconds:0.#} s: it has begun {seat.Progress} where they have begun {furthest}, and hangs.");
        return seat.Progress.Waiting > SilenceMilliseconds && seats.All(s => s.Progress.CompareTo(furthest) == 0)
            ? string.Create(CultureInfo.InvariantCulture, $"{Name(rank)} has waited for {Timeout.TotalSeconds:0.#} s for values that all "
                + $"processes have given: the network between them does not carry them.")
            : null;
    }

    /// <summary>Whether nobody will say more of a connection that was closed.</summary>
    bool IsTimeToSay(long now)
    {
        if (brokenSince == 0)
            brokenSince = now;
        return !HearsOfEnds || now - brokenSince > 1000;
    }

    /// <summary>How long one may be behind. Within an update, the host of a GPU runs ahead of it and waits for nobody.</summary>
    long Forbearance(ControlProgress own, ControlProgress furthest) =>
        own.Calls < furthest.Calls || furthest.Waiting > 0 ? SilenceMilliseconds : Math.Max(SilenceMilliseconds, LongStep);

    void Begin()
    {
        Members = Member.Placed([own, .. seats.Skip(1).Select(static s => s.Member!)]);
        entrance.Dispose();
        SendAll(ControlKind.Roster, Member.ToBytes([.. Members]));
        // Whoever came after somebody asked has not heard it.
        if (stop.HasBegun)
            foreach (var seat in seats)
                seat.Connection?.Send(ControlKind.StopAsked, BitConverter.GetBytes(StopCode));
        Monitor.PulseAll(Gate);
    }

    string? Admit(Member member, ControlConnection connection)
    {
        string? wrong = member.Size != seats.Length
            ? string.Create(CultureInfo.InvariantCulture, $"{member} counts {Quantity.Of(member.Size, "process", "processes")}, and "
                + $"{own} counts {seats.Length}.")
            : member.Rank < 1 || member.Rank >= seats.Length
                ? string.Create(CultureInfo.InvariantCulture, $"{member} has no place among {seats.Length} processes.")
            : seats[member.Rank].Member is { } other ? $"{member} comes where {other} is already: two processes have one number." : null;
        if (wrong is not null)
        {
            Fail(new(member.Rank, wrong));
            return wrong;
        }
        connection.Longest = ControlConnection.LongestOfMembers;
        (seats[member.Rank].Member, seats[member.Rank].Connection) = (member, connection);
        // Who came too late for a failure hears of it.
        if (Failure is { } failure)
            connection.Send(ControlKind.Failed, failure.ToBytes());
        return null;
    }

    void Handle(int rank, ControlKind kind, ReadOnlySpan<byte> payload)
    {
        var seat = seats[rank];
        switch (kind)
        {
            case ControlKind.Beat when ControlProgress.Read(payload) is { } progress:
                seat.Progress = progress;
                break;
            case ControlKind.Gather or ControlKind.Sum:
                if (collection.Add(rank, kind, payload, out string? wrong) is { } answer)
                    SendAll(ControlKind.Answer, answer);
                else if (wrong is not null)
                    Fail(new(rank, $"{Name(rank)} {wrong}."));
                break;
            case ControlKind.StopRequest when payload.Length == sizeof(int) && stop.Begin():
                SendAll(ControlKind.StopAsked, payload);
                break;
            case ControlKind.Position when payload.Length == sizeof(long):
                if (stop.Add(rank, BitConverter.ToInt64(payload)) is { } last)
                    SendAll(ControlKind.StopAfter, BitConverter.GetBytes(last));
                break;
            case ControlKind.Leave:
                Fail(new(rank, $"{Name(rank)}: {ControlFailure.TextOf(payload)}", IsDeparture: stop.HasBegun));
                break;
            case ControlKind.Goodbye when ControlProgress.Read(payload) is { } progress:
                (seat.Progress, seat.HasParted) = (progress, true);
                seat.Connection?.Dispose();
                seat.Connection = null;
                break;
        }
    }

    void SendAll(ControlKind kind, ReadOnlySpan<byte> payload)
    {
        foreach (var seat in seats)
            seat.Connection?.Send(kind, payload);
        if (kind is not ControlKind.Failed and not ControlKind.Roster)
            Receive(kind, payload);
    }

    IEnumerable<ControlConnection> Connections() => seats.Select(static s => s.Connection).OfType<ControlConnection>()
        .Concat(entrance.Connections).Where(static c => !c.IsBroken);

    string Name(int rank) => rank == 0 ? own.ToString()
        : seats[rank].Member?.ToString() ?? string.Create(CultureInfo.InvariantCulture, $"rank {rank}");

    string Missing()
    {
        int[] missing = [.. Enumerable.Range(1, seats.Length - 1).Where(r => seats[r].Member is null)];
        return (missing.Length == 1 ? "rank " : "ranks ") + string.Join(", ", missing.Take(8)) + (missing.Length > 8 ? ", …" : "")
            + string.Create(CultureInfo.InvariantCulture, $" of {seats.Length}");
    }

    private protected override void Close(bool inPeace)
    {
        ControlConnection[] open;
        lock (Gate)
        {
            open = [.. seats.Select(static s => s.Connection).OfType<ControlConnection>()];
            entrance.Dispose();
        }
        if (inPeace)
            foreach (var connection in open)
                connection.Send(ControlKind.Goodbye, default);
        long end = Environment.TickCount64 + (long)parting.TotalMilliseconds;
        foreach (var connection in open)
        {
            connection.Part(TimeSpan.FromMilliseconds(Math.Max(0, end - Environment.TickCount64)));
            connection.Dispose();
        }
    }

    /// <summary>The place of a process.</summary>
    sealed class Seat
    {
        ControlProgress progress;
        long behindSince;

        public Member? Member { get; set; }

        public ControlConnection? Connection { get; set; }

        /// <summary>Whether it has said good-bye.</summary>
        public bool HasParted { get; set; }

        /// <summary>How far it is.</summary>
        public ControlProgress Progress
        {
            get => progress;
            set
            {
                // It moves, so it does not hang.
                if (value.CompareTo(progress) != 0)
                    behindSince = 0;
                progress = value;
            }
        }

        /// <summary>Milliseconds that others have been further while this one has not moved.</summary>
        public long IsBehindFor(ControlProgress furthest, long now)
        {
            if (progress.CompareTo(furthest) >= 0)
                behindSince = 0;
            else if (behindSince == 0)
                behindSince = now;
            return behindSince == 0 ? 0 : now - behindSince;
        }

        /// <summary>Times in which this process could not hear count for nobody.</summary>
        public void Forgive(long gap)
        {
            if (gap == 0)
                return;
            behindSince = 0;
            if (Connection is { } connection)
                connection.Heard += gap;
        }
    }
}
