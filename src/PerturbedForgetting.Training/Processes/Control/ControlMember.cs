using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using PerturbedForgetting.Tensors.Distributed;
using PerturbedForgetting.Training.Processes.Launching;

namespace PerturbedForgetting.Training.Processes.Control;

/// <summary>The end of the control channel that every process but the first has.</summary>
sealed class ControlMember : ControlChannel
{
    /// <summary>How long an address may take to answer, and how long to wait before all are tried again.</summary>
    static readonly TimeSpan answering = TimeSpan.FromSeconds(5), pause = TimeSpan.FromMilliseconds(200);

    readonly Member own;
    readonly ControlConnection connection;
    readonly string hubAddress;
    bool hubHasParted;

    ControlMember(Member own, ControlConnection connection, string hubAddress, TimeSpan timeout) : base(timeout, own.Rank) =>
        (this.own, this.connection, this.hubAddress) = (own, connection, hubAddress);

    /// <summary>Finds the first process and joins it.</summary>
    /// <param name="launch">Who this process is.</param>
    /// <param name="meeting">Where the processes meet.</param>
    /// <param name="timeout">How long a process may be silent, or keep the others waiting; it is looked for at least as long.</param>
    /// <param name="token">Ends the search.</param>
    /// <exception cref="CommunicationException">It is not there, or does not let this one in.</exception>
    public static ControlMember Join(Launch launch, Meeting meeting, TimeSpan timeout, CancellationToken token)
    {
        var own = Member.This(launch);
        var patience = timeout > meeting.Patience ? timeout : meeting.Patience;
        long end = Environment.TickCount64 + (long)patience.TotalMilliseconds;
        string last = "nothing answers";
        do
        {
            token.ThrowIfCancellationRequested();
            var places = meeting.Places(out string? unknown);
            foreach (var place in places)
            {
                if (Try(place, own, meeting.Proof, ref last) is not { } connection)
                    continue;
                ControlMember member = new(own, connection, place.ToString(), timeout);
                member.Start();
                return member;
            }
            last = unknown ?? last;
            // Where the first listens before it starts the others, nobody need wait for it.
            if (meeting.ListensBefore)
                break;
            token.WaitHandle.WaitOne(pause);
        }
        while (Environment.TickCount64 < end);
        throw new CommunicationException(string.Create(CultureInfo.InvariantCulture,
            $"{own} did not find rank 0 at {meeting} within {patience.TotalSeconds:0.#} s: {last}."));
    }

    /// <summary>Waits until all processes are there.</summary>
    /// <param name="token">Ends the wait.</param>
    /// <exception cref="CommunicationException">They do not come, or one is gone already.</exception>
    public void WaitForAll(CancellationToken token)
    {
        using var stopped = token.Register(() => { lock (Gate) Monitor.PulseAll(Gate); });
        lock (Gate)
        {
            while (Members.Count == 0)
            {
                ThrowIfFailed();
                token.ThrowIfCancellationRequested();
                Monitor.Wait(Gate, 200);
            }
        }
    }

    public override void Leave(string reason)
    {
        // What is wrong with all, such as an option, the first finds at the same time, and says better.
        AwaitFailure(TimeSpan.FromSeconds(1));
        lock (Gate)
            if (Failure is null)
                connection.Send(ControlKind.Leave, ControlFailure.TextBytes(reason));
    }

    private protected override void Tell(ControlKind kind, ReadOnlySpan<byte> payload) => connection.Send(kind, payload);

    private protected override void Beat() => connection.Send(ControlKind.Beat, Progress.ToBytes());

    private protected override void Listen(int milliseconds)
    {
        if (connection.IsBroken)
        {
            Thread.Sleep(milliseconds);
            return;
        }
        List<Socket> readable = [connection.Socket], writable = connection.HasWaiting ? [connection.Socket] : [];
        Socket.Select(readable, writable.Count > 0 ? writable : null, null, 1000 * milliseconds);
        lock (Gate)
        {
            connection.Flush();
            connection.Receive((kind, payload) => Take(kind, payload.Span));
        }
    }

    void Take(ControlKind kind, ReadOnlySpan<byte> payload)
    {
        switch (kind)
        {
            case ControlKind.Roster when Member.ReadAll(payload) is { } members && members.Length == own.Size:
                Members = members;
                Monitor.PulseAll(Gate);
                break;
            case ControlKind.Refused:
                Fail(new(own.Rank, ControlFailure.TextOf(payload)));
                break;
            case ControlKind.Goodbye:
                hubHasParted = true;
                break;
            default:
                Receive(kind, payload);
                break;
        }
    }

    private protected override void Watch(long now, long gap)
    {
        connection.Heard += gap;
        string hub = Members.Count > 0 ? Members[0].ToString() : $"rank 0 ({hubAddress})";
        if (hubHasParted)
            WatchAlone(hub);
        else if (connection.IsBroken)
            Lose($"{hub} is gone: its connection was closed.");
        else if (now - connection.Heard > SilenceMilliseconds)
            Lose(string.Create(CultureInfo.InvariantCulture,
                $"{hub} has not been heard for {Timeout.TotalSeconds:0.#} s: it hangs, or the network is cut."));
    }

    void Lose(string why, bool isDeparture = false) => Fail(new(0, why, isDeparture) { IsOfTheHub = true });

    /// <summary>The first has parted: whoever still waits for it waits in vain.</summary>
    void WatchAlone(string hub)
    {
        if (IsWaiting || Members.Count == 0)
            Lose($"{hub} has ended before the others.", isDeparture: true);
    }

    private protected override void Close(bool inPeace)
    {
        if (inPeace)
        {
            connection.Send(ControlKind.Goodbye, Progress.ToBytes());
            connection.Part(TimeSpan.FromSeconds(2));
        }
        else
            // So that it is known why this one ends, where it has said so.
            connection.Part(TimeSpan.FromSeconds(1));
        connection.Dispose();
    }

    /// <summary>Shows somebody who listens there that this process belongs to the run, and has him show the same.</summary>
    static ControlConnection? Try(IPEndPoint place, Member own, ControlProof proof, ref string last)
    {
        Socket socket = new(place.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        ControlConnection? connection = null;
        try
        {
            using CancellationTokenSource late = new(answering);
            socket.ConnectAsync(place, late.Token).AsTask().GetAwaiter().GetResult();
            connection = ControlConnection.Over(socket);
            connection.Longest = ControlConnection.LongestOfHub;
            byte[] nonce = RandomNumberGenerator.GetBytes(ControlProof.NonceBytes);
            connection.Send(ControlKind.Hello, ControlProof.Hello(nonce));
            byte[]? challenge = null;
            long end = Environment.TickCount64 + (long)answering.TotalMilliseconds;
            while (challenge is null && !connection.IsBroken && Environment.TickCount64 < end)
            {
                socket.Poll(TimeSpan.FromMilliseconds(50), SelectMode.SelectRead);
                connection.Receive((kind, payload) => challenge ??= kind == ControlKind.Challenge ? payload.ToArray() : []);
            }
            if (challenge is { Length: ControlProof.NonceBytes + ControlProof.Bytes }
                && proof.OfHub(nonce, challenge.AsSpan(0, ControlProof.NonceBytes))
                    .AsSpan().SequenceEqual(challenge.AsSpan(ControlProof.NonceBytes)))
            {
                byte[] statement = own.ToBytes();
                connection.Send(ControlKind.Proof,
                    [.. proof.OfMember(nonce, challenge.AsSpan(0, ControlProof.NonceBytes), statement), .. statement]);
                return connection;
            }
            last = $"what answers at {place} is another run or another program";
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            last = $"{place}: {(e is SocketException ? e.Message : "no answer")}";
        }
        connection?.Dispose();
        socket.Dispose();
        return null;
    }
}
