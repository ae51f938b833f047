using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using PerturbedForgetting.Tensors.Distributed.Mpi;

namespace PerturbedForgetting.Tests.Tensors.Distributed.Mpi;

/// <summary>
/// MPI between threads of this process: the exports of a library of either family. A thread becomes a member by <see cref="Run"/>. It is
/// strict: only the thread that started MPI calls it, and all members make the same call with the same counts, else they get an error code.
/// </summary>
sealed unsafe partial class FakeMpi : IDisposable
{
    const int ErrorOfTruncation = 4711, ErrorOfThread = 4712, ErrorOfEnd = 4713;

    static readonly AsyncLocal<Member?> current = new();

    readonly MpiFamily family;
    readonly CancellationTokenSource ended = new();
    readonly Dictionary<string, nint> variables = [];
    readonly ConcurrentDictionary<nint, Group> groups = new();
    readonly Member[] members;
    int lastGroup;

    public FakeMpi(int size, MpiFamily family)
    {
        this.family = family;
        members = [.. Enumerable.Range(0, size).Select(rank => new Member(this, rank))];
        Api = MpiApi.From(Export, "a library of a test");
        groups[Api.Constants.CommWorld] = new(members, ended.Token);
    }

    /// <summary>The library.</summary>
    public MpiApi Api { get; }

    /// <summary>Members on one machine: 0, 0, 1, 1, … by rank.</summary>
    public int ProcessesOfAMachine { get; init; } = int.MaxValue;

    /// <summary>Makes the calls of a name fail with a code.</summary>
    public Dictionary<string, int> Failures { get; } = [];

    /// <summary>Bytes of every call that moves data, by member.</summary>
    public ConcurrentBag<long> Moved { get; } = [];

    /// <summary>Runs something as every member, each on a thread of its own, and throws the first exception of any.</summary>
    /// <param name="body">What each does.</param>
    /// <param name="timeout">How long calls wait.</param>
    /// <param name="start">Whether MPI is started for it.</param>
    public void Run(Action<MpiProcess> body, TimeSpan? timeout = null, bool start = true)
    {
        List<Exception> failures = [];
        Thread[] threads = [.. members.Select(member => new Thread(() =>
        {
            current.Value = member;
            try
            {
                using MpiProcess? process = start ? MpiProcess.Start(Api, timeout, members.Length) : null;
                body(process!);
            }
            catch (Exception e)
            {
                lock (failures)
                    failures.Add(e);
                ended.Cancel();
            }
        }))];
        Array.ForEach(threads, static thread => thread.Start());
        Array.ForEach(threads, static thread => Assert.That(thread.Join(TimeSpan.FromMinutes(1)), "a member is not done"));
        if (failures.Count > 0)
            throw new AggregateException(failures).Flatten().InnerExceptions[0];
    }

    /// <summary>Address of an export; 0 for one that the library lacks.</summary>
    public nint Export(string name)
    {
        if (name.StartsWith("ompi_", StringComparison.Ordinal))
        {
            if (family != MpiFamily.OpenMpi)
                return 0;
            if (!variables.TryGetValue(name, out nint address))
                variables[name] = address = Marshal.AllocHGlobal(8);
            return address;
        }
        return Function(name);
    }

    public void Dispose()
    {
        ended.Cancel();
        foreach (nint address in variables.Values)
            Marshal.FreeHGlobal(address);
    }

    nint Canonical(nint handle) => family == MpiFamily.Mpich ? (nint)(uint)handle : handle;

    Group GroupOf(nint handle) => groups[Canonical(handle)];

    // MPICH writes 32 bits.
    void Write(nint* target, nint value)
    {
        if (family == MpiFamily.Mpich)
            *(uint*)target = (uint)value;
        else
            *target = value;
    }

    int SizeOf(nint type) =>
        Canonical(type) == Api.Constants.Byte ? 1
        : Canonical(type) == Api.Constants.Int32 || Canonical(type) == Api.Constants.Float32 ? 4
        : Canonical(type) == Api.Constants.Int64 || Canonical(type) == Api.Constants.Float64 ? 8
        : throw new InvalidOperationException($"{type:x} is no type");

    /// <summary>A process.</summary>
    sealed class Member(FakeMpi world, int rank)
    {
        public FakeMpi World => world;

        public int Rank => rank;

        public int Thread { get; set; }

        public bool IsEnded { get; set; }
    }

    /// <summary>A communicator.</summary>
    sealed class Group
    {
        readonly Member[] members;
        readonly CancellationToken ended;
        readonly Barrier barrier;
        readonly string[] calls;
        readonly nint[] addresses;
        readonly long[] arrivals;
        Func<nint[], int>? combine;
        int result;

        public Group(Member[] members, CancellationToken ended)
        {
            (this.members, this.ended) = (members, ended);
            (calls, addresses, arrivals) = (new string[members.Length], new nint[members.Length], new long[members.Length]);
            barrier = new(members.Length, _ => result = calls.Distinct().Count() > 1 ? ErrorOfTruncation : combine!(addresses));
        }

        public int Size => members.Length;

        public IReadOnlyList<Member> Members => members;

        public int RankOf(Member member) => Array.IndexOf(members, member);

        /// <summary>A call that all make: the last to come does the work.</summary>
        public int All(Member member, string call, nint address, Func<nint[], int> work)
        {
            int rank = RankOf(member);
            (calls[rank], addresses[rank], combine) = (call, address, work);
            try
            {
                barrier.SignalAndWait(ended);
                return result;
            }
            catch (OperationCanceledException)
            {
                return ErrorOfEnd;
            }
        }

        public long Arrive(Member member) => Interlocked.Increment(ref arrivals[RankOf(member)]);

        public bool HaveArrived(long number) => Array.TrueForAll(arrivals, arrived => Volatile.Read(ref arrived) >= number);
    }
}
