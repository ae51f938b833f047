using System.Net;
using System.Net.Sockets;
using PerturbedForgetting.Tensors.Distributed;
using PerturbedForgetting.Training.Processes;
using PerturbedForgetting.Training.Processes.Control;
using PerturbedForgetting.Training.Processes.Launching;

namespace PerturbedForgetting.Tests.Training.Processes;

/// <summary>What connects is not trusted, and what is lost is missed.</summary>
[TestFixture, Parallelizable]
sealed class ControlChannelTests
{
    static Socket Connect(int port)
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 10_000 };
        socket.Connect(IPAddress.Loopback, port);
        return socket;
    }

    static byte[] Message(ControlKind kind, params byte[] payload) =>
        [.. BitConverter.GetBytes(1 + payload.Length), (byte)kind, .. payload];

    static IEnumerable<byte[]> Nonsense()
    {
        yield return "GET / HTTP/1.1\r\n\r\n"u8.ToArray();
        yield return [0xff, 0xff, 0xff, 0x7f, 0];
        yield return [0, 0, 0, 0];
        yield return Message(ControlKind.Proof, new byte[64]);
        yield return Message(ControlKind.Failed, 1, 2, 3);
        yield return Message(ControlKind.Leave, "let me out"u8.ToArray());
        yield return Message(ControlKind.Hello, ControlProof.Hello(new byte[4]));
        yield return [.. Message(ControlKind.Hello, ControlProof.Hello(new byte[16])), .. Message(ControlKind.Proof, new byte[200])];
    }

    /// <summary>It is closed upon, and the processes that belong together meet all the same.</summary>
    [Test]
    public void WhoeverDoesNotBelongHereIsShownOut()
    {
        using var hub = LoopbackWorlds.Hub(2, LoopbackWorlds.Long);
        List<Socket> strangers = [];
        foreach (byte[] bytes in Nonsense())
        {
            Socket socket = Connect(hub.Port);
            socket.Send(bytes);
            strangers.Add(socket);
        }
        Socket silent = Connect(hub.Port);
        var second = Task.Run(() => ProcessWorld.Join(LoopbackWorlds.LaunchOf(1, 2), LoopbackWorlds.MeetingAt(hub.Port), null, null,
            LoopbackWorlds.Long, static _ => { }, CancellationToken.None));
        using (var first = ProcessWorld.Host(hub, LoopbackWorlds.LaunchOf(0, 2), null, null, static _ => { }, CancellationToken.None))
        using (second.Result)
        {
            byte[] answer = new byte[100];
            foreach (Socket stranger in strangers.Append(silent))
                Assert.That(() => ReadToEnd(stranger, answer), Is.LessThanOrEqualTo(answer.Length));
            var one = Task.Run(() => second.Result.Gather([1]));
            Assert.That(first.Gather([0]).Select(static m => m[0]), Is.EqualTo(new byte[] { 0, 1 }));
            Assert.That(one.Result, Has.Count.EqualTo(2));
        }
        foreach (Socket socket in strangers.Append(silent))
            socket.Dispose();

        static int ReadToEnd(Socket socket, byte[] buffer)
        {
            try
            {
                int all = 0;
                for (int count; (count = socket.Receive(buffer)) > 0;)
                    all += count;
                return all;
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
            {
                return 0;
            }
        }
    }

    [Test]
    public void WhoeverHasAnotherSecretIsNotLetInAndLearnsNothing()
    {
        using ControlHub hub = new(LoopbackWorlds.LaunchOf(0, 2), Meeting.OfStarted("127.0.0.1", 0, "secret") with { Patience = default },
            TimeSpan.FromSeconds(1));
        var end = Assert.Throws<CommunicationException>(() => ProcessWorld.Join(LoopbackWorlds.LaunchOf(1, 2),
            Meeting.OfStarted("127.0.0.1", hub.Port, "guess"), null, null, LoopbackWorlds.Long, static _ => { }, CancellationToken.None));
        Assert.That(end!.Message, Does.Contain("another run or another program"));
        Assert.That(() => hub.WaitForAll(static _ => { }, CancellationToken.None),
            Throws.TypeOf<CommunicationException>().With.Message.Contains("rank 1 of 2 did not come"));
    }

    /// <summary>A started process that finds nobody has been started by somebody who is gone.</summary>
    [Test]
    public void WhereTheFirstListensBeforeNobodyWaitsForIt()
    {
        int port;
        using (var hub = LoopbackWorlds.Hub(2, LoopbackWorlds.Long))
            port = hub.Port;
        Assert.That(() => ProcessWorld.Join(LoopbackWorlds.LaunchOf(1, 2), Meeting.OfStarted("127.0.0.1", port, ""), null, null,
            TimeSpan.FromHours(1), static _ => { }, CancellationToken.None), Throws.TypeOf<CommunicationException>());
    }

    /// <summary>As many as there are candidates, of which some are somebody else's.</summary>
    [Test]
    public void TheFirstListensOnThePortThatIsFree()
    {
        using TcpListener other = new(IPAddress.Loopback, 0);
        other.Start();
        int taken = ((IPEndPoint)other.LocalEndpoint).Port;
        var meeting = LoopbackWorlds.MeetingAt(taken) with { Ports = [taken, taken + 1, taken + 2, taken + 3, taken + 4] };
        using ControlHub hub = new(LoopbackWorlds.LaunchOf(0, 2), meeting, LoopbackWorlds.Long);
        Assert.That(hub.Port, Is.InRange(taken + 1, taken + 4));
        var second = Task.Run(() => ProcessWorld.Join(LoopbackWorlds.LaunchOf(1, 2), meeting, null, null,
            LoopbackWorlds.Long, static _ => { }, CancellationToken.None));
        using var first = ProcessWorld.Host(hub, LoopbackWorlds.LaunchOf(0, 2), null, null, static _ => { }, CancellationToken.None);
        second.Result.Dispose();
    }

    /// <summary>A relay between a member and the hub, of which nothing comes through from some point on: no end of the connection, as
    /// when a cable is pulled.</summary>
    [Test]
    public void ACutConnectionIsNoticedAtBothEnds()
    {
        using var hub = LoopbackWorlds.Hub(3, TimeSpan.FromSeconds(1));
        using Relay relay = new(hub.Port);
        var ends = new Exception?[3];
        Thread[] threads = [.. Enumerable.Range(0, 3).Select(rank => new Thread(() =>
        {
            try
            {
                using var world = rank == 0
                    ? ProcessWorld.Host(hub, LoopbackWorlds.LaunchOf(0, 3), null, null, static _ => { }, CancellationToken.None)
                    : ProcessWorld.Join(LoopbackWorlds.LaunchOf(rank, 3),
                        LoopbackWorlds.MeetingAt(rank == 2 ? relay.Port : hub.Port), null, null,
                        TimeSpan.FromSeconds(1), static _ => { }, CancellationToken.None);
                world.Gather([]);
                if (rank == 2)
                    relay.Cut();
                world.Gather([]);
                world.Gather([]);
            }
            catch (Exception e)
            {
                ends[rank] = e;
            }
        }))];
        foreach (var thread in threads)
            thread.Start();
        foreach (var thread in threads)
            Assert.That(thread.Join(LoopbackWorlds.Long), Is.True);
        Assert.That(ends.Select(static e => e?.GetType()), Is.All.EqualTo(typeof(CommunicationException)));
        Assert.That(ends[..2].Select(static e => e!.Message), Is.All.Contains("rank 2 (process"));
        Assert.That(ends[2]!.Message, Does.Contain("rank 0 (process").And.Contain("network is cut"));
    }

    /// <summary>What comes in one piece or byte by byte is the same.</summary>
    [Test]
    public void MessagesMayComeInPieces()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        using Socket sender = Connect(((IPEndPoint)listener.LocalEndpoint).Port);
        using var receiver = ControlConnection.Over(listener.AcceptSocket());
        byte[] long700 = [.. Enumerable.Range(0, 700).Select(static i => (byte)i)];
        byte[] all = [.. Message(ControlKind.Gather, long700), .. Message(ControlKind.Beat),
            .. Message(ControlKind.Sum, 1, 2)];
        sender.NoDelay = true;
        List<(ControlKind, int)> taken = [];
        for (int i = 0; i < all.Length; i += 97)
        {
            sender.Send(all.AsSpan(i, Math.Min(97, all.Length - i)));
            receiver.Socket.Poll(TimeSpan.FromSeconds(10), SelectMode.SelectRead);
            receiver.Receive((kind, payload) => taken.Add((kind, payload.Length)));
        }
        Assert.That(taken, Is.EqualTo(new[] { (ControlKind.Gather, 700), (ControlKind.Beat, 0), (ControlKind.Sum, 2) }));
        Assert.That(receiver.IsBroken, Is.False);
    }

    /// <summary>Passes on what both ends say, until it does not any more.</summary>
    sealed class Relay : IDisposable
    {
        readonly TcpListener listener = new(IPAddress.Loopback, 0);
        readonly List<Socket> sockets = [];
        volatile bool isCut;

        public Relay(int target)
        {
            listener.Start();
            Port = ((IPEndPoint)listener.LocalEndpoint).Port;
            new Thread(() =>
            {
                Socket near = listener.AcceptSocket(), far = Connect(target);
                (near.ReceiveTimeout, far.ReceiveTimeout) = (0, 0);
                sockets.AddRange([near, far]);
                new Thread(() => Pass(near, far)) { IsBackground = true }.Start();
                Pass(far, near);
            })
            { IsBackground = true }.Start();
        }

        public int Port { get; }

        public void Cut() => isCut = true;

        void Pass(Socket from, Socket to)
        {
            byte[] buffer = new byte[4096];
            try
            {
                for (int count; (count = from.Receive(buffer)) > 0;)
                    if (!isCut)
                        to.Send(buffer.AsSpan(0, count));
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // The test is over.
            }
        }

        public void Dispose()
        {
            listener.Dispose();
            foreach (Socket socket in sockets)
                socket.Dispose();
        }
    }
}
