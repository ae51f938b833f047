using System.Buffers.Binary;
using System.Net.Sockets;

namespace PerturbedForgetting.Training.Processes.Control;

/// <summary>Messages over a connection that never makes anybody wait: what cannot be sent at once is kept until it can be. One thread
/// receives; any sends.</summary>
/// <param name="socket">Connected; owned from now on.</param>
sealed class ControlConnection(Socket socket) : IDisposable
{
    /// <summary>The longest message of somebody who has not shown yet that he belongs here.</summary>
    public const int LongestOfStrangers = 4096;

    /// <summary>The longest message of a member, and of the hub, which answers with what all have sent.</summary>
    public const int LongestOfMembers = 1 << 22, LongestOfHub = 1 << 28;

    const int LengthBytes = 4;

    readonly Lock sending = new();
    readonly Queue<ReadOnlyMemory<byte>> waiting = [];
    byte[] buffer = new byte[512];
    int filled;
    volatile bool isBroken;

    /// <summary>For waiting until something can be done.</summary>
    public Socket Socket => socket;

    /// <summary>The longest message that is taken.</summary>
    public int Longest { get; set; } = LongestOfStrangers;

    /// <summary>When something came last, as <see cref="Environment.TickCount64"/>.</summary>
    public long Heard { get; set; } = Environment.TickCount64;

    /// <summary>Whether the other end is gone, or has sent what is no message.</summary>
    public bool IsBroken => isBroken;

    /// <summary>Whether something waits to be sent.</summary>
    public bool HasWaiting
    {
        get
        {
            lock (sending)
                return waiting.Count > 0 && !isBroken;
        }
    }

    /// <summary>A connection over a socket, set up for small messages.</summary>
    public static ControlConnection Over(Socket socket)
    {
        (socket.Blocking, socket.NoDelay) = (false, true);
        return new(socket);
    }

    /// <summary>Sends a message, or keeps it until <see cref="Flush"/> can.</summary>
    public void Send(ControlKind kind, ReadOnlySpan<byte> payload)
    {
        byte[] message = new byte[LengthBytes + 1 + payload.Length];
        BinaryPrimitives.WriteInt32LittleEndian(message, 1 + payload.Length);
        message[LengthBytes] = (byte)kind;
        payload.CopyTo(message.AsSpan(LengthBytes + 1));
        lock (sending)
        {
            waiting.Enqueue(message);
            Flush();
        }
    }

    /// <summary>Sends what waits, as far as the system takes it.</summary>
    public void Flush()
    {
        lock (sending)
        {
            while (!isBroken && waiting.TryPeek(out var rest))
            {
                int sent;
                SocketError error;
                try { sent = socket.Send(rest.Span, SocketFlags.None, out error); }
                catch (ObjectDisposedException) { (sent, error) = (0, SocketError.Shutdown); }
                if (error == SocketError.WouldBlock)
                    return;
                if (error != SocketError.Success)
                {
                    isBroken = true;
                    return;
                }
                waiting.Dequeue();
                if (sent < rest.Length)
                    PutBack(rest[sent..]);
            }
        }
    }

    /// <summary>Takes what has come.</summary>
    /// <param name="take">Called with each whole message; its bytes are not kept.</param>
    public void Receive(Action<ControlKind, ReadOnlyMemory<byte>> take)
    {
        while (!isBroken)
        {
            if (filled == buffer.Length)
                Array.Resize(ref buffer, 2 * buffer.Length);
            int count = socket.Receive(buffer.AsSpan(filled), SocketFlags.None, out SocketError error);
            if (error == SocketError.WouldBlock)
                return;
            if (error != SocketError.Success || count == 0)
            {
                isBroken = true;
                return;
            }
            filled += count;
            Heard = Environment.TickCount64;
            Take(take);
        }
    }

    void Take(Action<ControlKind, ReadOnlyMemory<byte>> take)
    {
        int start = 0;
        while (filled - start >= LengthBytes)
        {
            int length = BinaryPrimitives.ReadInt32LittleEndian(buffer.AsSpan(start));
            if (length < 1 || length > Longest)
            {
                isBroken = true;
                return;
            }
            int end = start + LengthBytes + length;
            if (end > filled)
                break;
            take((ControlKind)buffer[start + LengthBytes], buffer.AsMemory(start + LengthBytes + 1, length - 1));
            start = end;
        }
        buffer.AsSpan(start, filled - start).CopyTo(buffer);
        filled -= start;
    }

    // A queue has no place for it at its front.
    void PutBack(ReadOnlyMemory<byte> rest)
    {
        ReadOnlyMemory<byte>[] others = [.. waiting];
        waiting.Clear();
        waiting.Enqueue(rest);
        foreach (var other in others)
            waiting.Enqueue(other);
    }

    /// <summary>Sends nothing more, and waits a little until the other end has read what was sent: closing at once could take it
    /// away.</summary>
    public void Part(TimeSpan patience)
    {
        long end = Environment.TickCount64 + (long)patience.TotalMilliseconds;
        try
        {
            while (HasWaiting && Environment.TickCount64 < end)
            {
                socket.Poll(TimeSpan.FromMilliseconds(20), SelectMode.SelectWrite);
                Flush();
            }
            socket.Shutdown(SocketShutdown.Send);
            while (!IsBroken && Environment.TickCount64 < end)
            {
                socket.Poll(TimeSpan.FromMilliseconds(20), SelectMode.SelectRead);
                Receive(static (_, _) => { });
            }
        }
        catch (SocketException)
        {
            // It is gone already.
        }
    }

    public void Dispose()
    {
        isBroken = true;
        socket.Dispose();
    }
}
