using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net.Sockets;

namespace PerturbedForgetting.Simulator.Libraries.Nccl;

/// <summary>What a message of the simulated NCCL is.</summary>
enum NcclMessage : byte
{
    /// <summary>To the hub: the first, of a fixed length, with the secret, size, rank and device.</summary>
    Hello = 1,
    /// <summary>From the hub: all have come.</summary>
    Joined,
    /// <summary>From the hub: the group cannot be formed; the text says why.</summary>
    Refused,
    /// <summary>To the hub: this member's part of a call.</summary>
    Part,
    /// <summary>From the hub: what the call makes.</summary>
    Result,
    /// <summary>From the hub: the members did not make the same call; the text names them.</summary>
    Mismatch,
    /// <summary>From the hub: a member is gone; the text names it.</summary>
    Lost,
    /// <summary>To the hub: this member leaves in order.</summary>
    Leave,
}

/// <summary>A connection that carries messages both ways: what is sent never waits for the other side. A message is its kind in a byte, the
/// number of the call and the length in eight each, and the content.</summary>
/// <param name="socket">The connection.</param>
/// <param name="received">Called with each message, on a thread of the link.</param>
/// <param name="ended">Called once when the connection has ended, on a thread of the link.</param>
sealed class NcclLink(Socket socket, Action<NcclMessage, long, byte[]> received, Action ended) : IDisposable
{
    const int HeadBytes = 1 + 8 + 8;

    readonly BlockingCollection<(NcclMessage Kind, long Call, byte[][] Content)> outgoing = [];

    /// <summary>Begins to carry.</summary>
    public void Start()
    {
        socket.NoDelay = true;
        Begin(Send, "sender");
        Begin(Receive, "receiver");
    }

    static void Begin(ThreadStart body, string name) => new Thread(body) { IsBackground = true, Name = "NCCL " + name }.Start();

    /// <summary>Puts a message on its way; does nothing once the connection has ended.</summary>
    public void Post(NcclMessage kind, long call = 0, params byte[][] content)
    {
        try
        {
            outgoing.Add((kind, call, content));
        }
        catch (InvalidOperationException)
        {
            // No more is sent.
        }
    }

    /// <summary>Ends the connection when all that was posted has been sent.</summary>
    public void Finish() => outgoing.CompleteAdding();

    void Send()
    {
        try
        {
            byte[] head = new byte[HeadBytes];
            foreach ((NcclMessage kind, long call, byte[][] content) in outgoing.GetConsumingEnumerable())
            {
                head[0] = (byte)kind;
                BinaryPrimitives.WriteInt64LittleEndian(head.AsSpan(1), call);
                BinaryPrimitives.WriteInt64LittleEndian(head.AsSpan(9), content.Sum(static part => (long)part.Length));
                SendAll(socket, head);
                foreach (byte[] part in content)
                    SendAll(socket, part);
            }
            socket.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The receiver finds out too.
        }
        outgoing.CompleteAdding();
    }

    void Receive()
    {
        try
        {
            byte[] head = new byte[HeadBytes];
            while (ReceiveAll(socket, head))
            {
                long length = BinaryPrimitives.ReadInt64LittleEndian(head.AsSpan(9));
                if (length < 0 || length > Array.MaxLength)
                    break;
                byte[] content = new byte[length];
                if (!ReceiveAll(socket, content))
                    break;
                received((NcclMessage)head[0], BinaryPrimitives.ReadInt64LittleEndian(head.AsSpan(1)), content);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The other side is gone, or this one has closed the connection.
        }
        outgoing.CompleteAdding();
        ended();
        socket.Dispose();
    }

    /// <summary>Sends all bytes.</summary>
    public static void SendAll(Socket socket, ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
            bytes = bytes[socket.Send(bytes)..];
    }

    /// <summary>Fills a place; false where the connection ends before.</summary>
    public static bool ReceiveAll(Socket socket, Span<byte> place)
    {
        while (!place.IsEmpty)
        {
            int count = socket.Receive(place);
            if (count == 0)
                return false;
            place = place[count..];
        }
        return true;
    }

    /// <summary>Ends the connection at once.</summary>
    public void Dispose()
    {
        outgoing.CompleteAdding();
        socket.Dispose();
    }
}
