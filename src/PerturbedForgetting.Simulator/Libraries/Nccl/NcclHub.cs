using System.Net;
using System.Net.Sockets;
using System.Text;

namespace PerturbedForgetting.Simulator.Libraries.Nccl;

/// <summary>Where the members of a group meet, in the process that made its id: takes every member's part of a call and gives each what the
/// call makes, reduced in the order of the ranks, so that all have the same bits. Ends with the process, or when all have left.</summary>
sealed class NcclHub
{
    const int MostMembers = 1 << 16;

    static readonly TimeSpan helloLimit = TimeSpan.FromSeconds(5);

    readonly Lock gate = new();
    readonly Socket listener;
    readonly byte[] token = NcclAddress.NewToken();
    readonly Dictionary<long, byte[]?[]> rounds = [];
    Seat?[] seats = [];
    int joined;
    string? refusal;

    sealed class Seat
    {
        public Seat(NcclHub hub, NcclHello hello, Socket socket)
        {
            Hello = hello;
            Link = new NcclLink(socket, (kind, call, content) => hub.Receive(this, kind, call, content), () => hub.Ended(this));
        }

        public NcclHello Hello { get; }

        public int Rank => Hello.Rank;

        public NcclLink Link { get; }

        /// <summary>It left in order, or is gone.</summary>
        public bool IsEmpty { get; set; }
    }

    NcclHub(IPAddress address)
    {
        listener = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(address, 0));
        listener.Listen(MostMembers);
        Address = new((IPEndPoint)listener.LocalEndPoint!, token);
        new Thread(Accept) { IsBackground = true, Name = "NCCL hub" }.Start();
    }

    /// <summary>How it is reached.</summary>
    public NcclAddress Address { get; }

    /// <summary>Opens one.</summary>
    /// <exception cref="SocketException">The address cannot be used.</exception>
    public static NcclHub Open(IPAddress address) => new(address);

    void Accept()
    {
        try
        {
            while (true)
            {
                Socket socket = listener.Accept();
                new Thread(() => Greet(socket)) { IsBackground = true, Name = "NCCL hub" }.Start();
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The group is complete.
        }
    }

    void Greet(Socket socket)
    {
        NcclHello hello;
        try
        {
            byte[] bytes = new byte[NcclHello.Bytes];
            socket.ReceiveTimeout = (int)helloLimit.TotalMilliseconds;
            hello = NcclLink.ReceiveAll(socket, bytes) ? NcclHello.Decode(bytes) : new([], 0, 0, default, 0);
            socket.ReceiveTimeout = 0;
        }
        catch (SocketException)
        {
            socket.Dispose();
            return;
        }
        if (!hello.Knows(token) || hello.Size is < 1 or > MostMembers || hello.Rank < 0 || hello.Rank >= hello.Size)
        {
            socket.Dispose();
            return;
        }
        Seat seat = new(this, hello, socket);
        lock (gate)
            Place(seat);
        seat.Link.Start();
    }

    void Place(Seat seat)
    {
        NcclHello hello = seat.Hello;
        if (seats.Length == 0)
            seats = new Seat?[hello.Size];
        if (refusal is null && hello.Size != seats.Length)
            Refuse(Text($"rank {hello.Rank} was told that the group has {hello.Size} members, another that it has {seats.Length}"));
        else if (refusal is null && seats[hello.Rank] is not null)
            Refuse(Text($"two members say that they are rank {hello.Rank}"));
        else if (refusal is null
            && seats.FirstOrDefault(s => s?.Hello.Process == hello.Process && s.Hello.Device == hello.Device) is { } other)
            Refuse(Text($"ranks {other.Hello.Rank} and {hello.Rank} use the same GPU"));
        if (refusal is not null)
        {
            Say(seat, NcclMessage.Refused, refusal);
            seat.Link.Finish();
            return;
        }
        seats[hello.Rank] = seat;
        if (++joined < seats.Length)
            return;
        listener.Dispose();
        foreach (Seat? s in seats)
            s!.Link.Post(NcclMessage.Joined);
    }

    void Refuse(string reason)
    {
        refusal = reason;
        listener.Dispose();
        foreach (Seat seat in seats.OfType<Seat>())
        {
            Say(seat, NcclMessage.Refused, reason);
            seat.Link.Finish();
        }
    }

    void Receive(Seat seat, NcclMessage kind, long call, byte[] content)
    {
        byte[][]? complete = null;
        lock (gate)
        {
            if (kind == NcclMessage.Leave && IsSeated(seat))
                Leave(seat, Text($"rank {seat.Rank} has left the group"), isOrderly: true);
            else if (kind == NcclMessage.Part && IsSeated(seat) && IsWhole(seat.Rank, content))
                complete = Take(seat.Rank, call, content);
            else
                seat.Link.Dispose();
        }
        if (complete is not null)
            Answer(call, complete);
    }

    bool IsSeated(Seat seat) => joined == seats.Length && seats[seat.Rank] == seat;

    static bool IsWhole(int rank, byte[] content)
    {
        if (content.Length < NcclCall.EncodedBytes)
            return false;
        NcclCall call = NcclCall.Decode(content);
        long values = call.Collective == NcclCollective.Broadcast && call.Root != rank ? 0 : call.Bytes;
        return Enum.IsDefined(call.Collective) && call.Count > 0 && content.Length == NcclCall.EncodedBytes + values;
    }

    byte[][]? Take(int rank, long call, byte[] content)
    {
        if (!rounds.TryGetValue(call, out byte[]?[]? round))
            rounds.Add(call, round = new byte[seats.Length][]);
        round[rank] = content;
        if (round.All(static part => part is not null))
        {
            rounds.Remove(call);
            return round!;
        }
        for (int other = 0; other < seats.Length; other++)
        {
            if (round[other] is null && seats[other]!.IsEmpty)
                Say(seats[rank]!, NcclMessage.Lost, Text($"rank {other} has left the group"));
        }
        return null;
    }

    void Answer(long number, byte[][] parts)
    {
        NcclCall[] calls = [.. parts.Select(static part => NcclCall.Decode(part))];
        int other = Array.FindIndex(calls, call => call != calls[0]);
        if (other > 0)
        {
            string text = Text($"the members of the group did not make the same call: of their calls number {number}, rank 0 made ")
                + Text($"{calls[0]}, rank {other} made {calls[other]}");
            foreach (Seat? seat in seats)
                Say(seat!, NcclMessage.Mismatch, text, number);
            return;
        }
        byte[] result = calls[0].Collective switch
        {
            NcclCollective.AllReduce => NcclReduction.Of(parts, NcclCall.EncodedBytes, calls[0].Type, calls[0].Operation),
            NcclCollective.Broadcast => parts[calls[0].Root][NcclCall.EncodedBytes..],
            _ => Gather(parts),
        };
        for (int rank = 0; rank < seats.Length; rank++)
            seats[rank]!.Link.Post(NcclMessage.Result, number,
                calls[0].Collective == NcclCollective.Broadcast && rank == calls[0].Root ? [] : result);
    }

    static byte[] Gather(byte[][] parts)
    {
        int length = parts[0].Length - NcclCall.EncodedBytes;
        byte[] all = new byte[parts.Length * length];
        for (int rank = 0; rank < parts.Length; rank++)
            parts[rank].AsSpan(NcclCall.EncodedBytes).CopyTo(all.AsSpan(rank * length));
        return all;
    }

    void Ended(Seat seat)
    {
        lock (gate)
        {
            if (refusal is not null)
                return;
            if (joined < seats.Length)
                Refuse(Text($"rank {seat.Rank} has ended before all members had come"));
            else if (IsSeated(seat))
                Leave(seat, Text($"rank {seat.Rank} has ended"), isOrderly: false);
        }
    }

    // Who leaves in order is missed only by those that wait for it.
    void Leave(Seat seat, string text, bool isOrderly)
    {
        if (seat.IsEmpty)
            return;
        seat.IsEmpty = true;
        seat.Link.Finish();
        bool isMissed = !isOrderly || rounds.Values.Any(round => round[seat.Rank] is null);
        foreach (Seat? other in seats)
        {
            if (isMissed && !other!.IsEmpty)
                Say(other, NcclMessage.Lost, text);
        }
    }

    static void Say(Seat seat, NcclMessage kind, string text, long call = 0) => seat.Link.Post(kind, call, Encoding.UTF8.GetBytes(text));

    static string Text(FormattableString text) => FormattableString.Invariant(text);
}
