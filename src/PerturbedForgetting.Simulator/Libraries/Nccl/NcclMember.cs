using System.Net.Sockets;
using System.Text;
using PerturbedForgetting.Cuda.Nccl;
using PerturbedForgetting.Simulator.Driver;

namespace PerturbedForgetting.Simulator.Libraries.Nccl;

/// <summary>A software GPU's membership in a group: what <c>ncclCommInitRank</c> makes. Its state changes only within
/// <see cref="Entry.Change"/> and the calls of the driver.</summary>
sealed class NcclMember(SimulatedContext context, int rank, int size) : IJointGroup
{
    static readonly TimeSpan connectLimit = TimeSpan.FromSeconds(20);

    readonly Dictionary<long, NcclWork> awaited = [];
    NcclLink? link;
    long calls;

    /// <summary>The device.</summary>
    public SimulatedContext Context => context;

    /// <summary>Number of this member.</summary>
    public int Rank => rank;

    /// <summary>Members.</summary>
    public int Size => size;

    /// <summary>Whether all have come.</summary>
    public bool HasJoined { get; private set; }

    /// <summary>What has gone wrong, and the status for it; Success while nothing has.</summary>
    public (NcclResult Result, string Text) Failure { get; private set; }

    /// <summary>Its work was ended.</summary>
    public bool IsAborted { get; private set; }

    /// <summary>Begins to join, on a thread of its own.</summary>
    public void Join(NcclAddress address) =>
        new Thread(() => Connect(address)) { IsBackground = true, Name = "NCCL connection" }.Start();

    void Connect(NcclAddress address)
    {
        Socket socket = new(address.Place.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            using CancellationTokenSource limit = new(connectLimit);
            socket.ConnectAsync(address.Place, limit.Token).AsTask().GetAwaiter().GetResult();
            NcclLink made = new(socket, Receive, () => Fail(NcclResult.RemoteError, "the process that made the group's id has ended"));
            NcclHello hello = new(address.Token, size, rank, NcclHello.ThisProcess, context.Device.Handle);
            NcclLink.SendAll(socket, hello.Encode());
            Entry.Change(() => link = made);
            made.Start();
            if (IsAborted)
                made.Dispose();
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            socket.Dispose();
            string reason = e is SocketException s ? s.Message : $"no answer in {connectLimit.TotalSeconds} s";
            Fail(NcclResult.SystemError, $"connecting to {address.Place}, where the group's id was made: {reason}");
        }
    }

    void Receive(NcclMessage kind, long call, byte[] content)
    {
        switch (kind)
        {
            case NcclMessage.Joined:
                Entry.Change(() => HasJoined = true);
                break;
            case NcclMessage.Refused:
                Fail(NcclResult.InvalidUsage, Encoding.UTF8.GetString(content));
                break;
            case NcclMessage.Lost:
                Fail(NcclResult.RemoteError, Encoding.UTF8.GetString(content));
                break;
            case NcclMessage.Result or NcclMessage.Mismatch:
                Entry.Change(() =>
                {
                    if (awaited.Remove(call, out NcclWork? work))
                        work.Arrive(content, kind == NcclMessage.Mismatch ? Encoding.UTF8.GetString(content) : null);
                });
                break;
        }
    }

    // What comes first is the cause of the rest.
    void Fail(NcclResult result, string text) => Entry.Change(() =>
    {
        if (Failure.Result == NcclResult.Success)
            Failure = (result, text);
    });

    /// <summary>The number of the next call, from 1.</summary>
    public long Next() => ++calls;

    /// <summary>Sends this member's part of a call.</summary>
    public void Send(NcclWork work, long number, byte[] head, byte[] values)
    {
        awaited.Add(number, work);
        link!.Post(NcclMessage.Part, number, head, values);
    }

    /// <inheritdoc/>
    public void Abort() => Entry.Change(() =>
    {
        IsAborted = true;
        link?.Dispose();
    });

    /// <summary>Leaves in order: what was sent arrives.</summary>
    public void Leave()
    {
        link!.Post(NcclMessage.Leave);
        link.Finish();
    }
}
