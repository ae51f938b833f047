using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using PerturbedForgetting.Tensors.Distributed;
using PerturbedForgetting.Training.Processes.Launching;

namespace PerturbedForgetting.Training.Processes.Control;

/// <summary>Lets a member in, or says why not.</summary>
/// <param name="member">Who he says he is; he knows the key.</param>
/// <param name="connection">His.</param>
delegate string? AdmitMember(Member member, ControlConnection connection);

/// <summary>Where processes come to the first: it listens, and leaves those outside who do not know the run's key.</summary>
sealed class ControlEntrance : IDisposable
{
    /// <summary>How long a stranger has to show who he is.</summary>
    static readonly TimeSpan patience = TimeSpan.FromSeconds(10);

    readonly ControlProof proof;
    readonly int most;
    readonly AdmitMember admit;
    readonly List<Stranger> strangers = [];

    /// <summary>Listens on the first port that is free.</summary>
    /// <param name="meeting">Where the processes meet.</param>
    /// <param name="most">Strangers that are heard at the same time.</param>
    /// <param name="admit">Called for each who knows the key.</param>
    /// <exception cref="CommunicationException">No port is free.</exception>
    public ControlEntrance(Meeting meeting, int most, AdmitMember admit)
    {
        (proof, this.most, this.admit) = (meeting.Proof, most, admit);
        Listener = Open(meeting);
        Port = ((IPEndPoint)Listener.LocalEndPoint!).Port;
    }

    /// <summary>Where it listens.</summary>
    public int Port { get; }

    /// <summary>Readable when somebody comes.</summary>
    public Socket Listener { get; }

    /// <summary>Whether anybody can come.</summary>
    public bool IsOpen { get; private set; } = true;

    /// <summary>Those of strangers.</summary>
    public IEnumerable<ControlConnection> Connections => strangers.Select(static s => s.Connection);

    /// <summary>Lets one come.</summary>
    public void Accept()
    {
        try
        {
            // Who only connects, and says nothing, is not to keep the others out.
            if (strangers.Count > most)
            {
                strangers[0].Connection.Dispose();
                strangers.RemoveAt(0);
            }
            strangers.Add(new(ControlConnection.Over(Listener.Accept())));
        }
        catch (SocketException)
        {
            // He has thought better of it.
        }
    }

    /// <summary>Hears what strangers say.</summary>
    public void Receive()
    {
        foreach (var stranger in strangers.ToArray())
            stranger.Connection.Receive((kind, payload) => Meet(stranger, kind, payload.Span));
    }

    /// <summary>Closes upon those of whom there is nothing to wait for.</summary>
    public void Watch(long now) => strangers.RemoveAll(s => s.IsOver(now));

    /// <summary>Closes; strangers have to go.</summary>
    public void Dispose()
    {
        IsOpen = false;
        Listener.Dispose();
        foreach (var stranger in strangers)
            stranger.Connection.Dispose();
        strangers.Clear();
    }

    void Meet(Stranger stranger, ControlKind kind, ReadOnlySpan<byte> payload)
    {
        switch (kind)
        {
            case ControlKind.Hello when ControlProof.NonceOf(payload) is { Length: > 0 } nonce && stranger.Nonce is null:
                stranger.Nonce = nonce.ToArray();
                stranger.Connection.Send(ControlKind.Challenge, [.. stranger.Own, .. proof.OfHub(nonce, stranger.Own)]);
                break;
            case ControlKind.Proof when payload.Length > ControlProof.Bytes && stranger.Nonce is { } nonce
                && payload[..ControlProof.Bytes].SequenceEqual(proof.OfMember(nonce, stranger.Own, payload[ControlProof.Bytes..]))
                && Member.Read(payload[ControlProof.Bytes..]) is { } member:
                if (admit(member, stranger.Connection) is { } wrong)
                {
                    stranger.Connection.Send(ControlKind.Refused, ControlFailure.TextBytes(wrong));
                    stranger.IsRefused = true;
                }
                else
                {
                    strangers.Remove(stranger);
                }
                break;
            default:
                stranger.IsRefused = true;
                break;
        }
    }

    static Socket Open(Meeting meeting)
    {
        SocketException? last = null;
        foreach (int port in meeting.Ports)
        {
            foreach (var address in meeting.IsLocal ? [IPAddress.Loopback] : Wildcards())
            {
                Socket socket = new(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
                try
                {
                    if (address.AddressFamily == AddressFamily.InterNetworkV6)
                        socket.DualMode = true;
                    if (OperatingSystem.IsWindows())
                        socket.ExclusiveAddressUse = true;
                    socket.Bind(new IPEndPoint(address, port));
                    socket.Listen(1024);
                    socket.Blocking = false;
                    return socket;
                }
                catch (SocketException e)
                {
                    last = e;
                    socket.Dispose();
                }
            }
        }
        throw new CommunicationException(
            $"rank 0 cannot listen on any of the ports {string.Join(", ", meeting.Ports)}: {last?.Message}. Set MASTER_PORT to one that is "
            + "free.", last);
    }

    static IPAddress[] Wildcards() => Socket.OSSupportsIPv6 ? [IPAddress.IPv6Any, IPAddress.Any] : [IPAddress.Any];

    /// <summary>Somebody who has connected, and not shown yet who he is.</summary>
    sealed class Stranger(ControlConnection connection)
    {
        readonly long since = Environment.TickCount64;

        public ControlConnection Connection => connection;

        /// <summary>His number.</summary>
        public byte[]? Nonce { get; set; }

        /// <summary>The hub's number.</summary>
        public byte[] Own { get; } = RandomNumberGenerator.GetBytes(ControlProof.NonceBytes);

        public bool IsRefused { get; set; }

        /// <summary>Closes the connection where there is nothing to wait for.</summary>
        public bool IsOver(long now)
        {
            if (!IsRefused && !connection.IsBroken && now - since < patience.TotalMilliseconds)
                return false;
            connection.Dispose();
            return true;
        }
    }
}
