
namespace PerturbedForgetting.Tensors.Distributed.Mpi;

/// <summary>
/// This process as one of those that MPI connects. MPI lives once in a process: it is started once, ended by <see cref="Dispose"/>, and
/// cannot be started again.
/// </summary>
/// <example><code>
/// using var process = MpiProcess.Start(MpiApi.Installed);
/// byte[] address = process.Broadcast(process.Rank == 0 ? Listen() : [], root: 0);
/// using Communicator group = process.CreateCommunicator(device);
/// group.AllReduce(gradients, ReduceOperation.Mean);
/// </code></example>
public sealed unsafe class MpiProcess : IDisposable
{
    // MPI_THREAD_FUNNELED: only the thread that starts MPI calls it.
    const int OneThread = 1;

    /// <summary>How long the end of a group or of MPI waits for the others, which it does in both families: for one that is gone it would
    /// wait without end.</summary>
    internal static readonly TimeSpan LongestEnd = TimeSpan.FromSeconds(10);

    bool isDisposed;

    MpiProcess(MpiApi api, TimeSpan timeout) => (Api, Timeout, Thread) = (api, timeout, new MpiThread());

    /// <summary>The library.</summary>
    public MpiApi Api { get; }

    /// <summary>Number of this process, from 0.</summary>
    public int Rank { get; private set; }

    /// <summary>Processes in all.</summary>
    public int Size { get; private set; }

    /// <summary>Number of this process among those that share the memory of its machine, from 0.</summary>
    public int LocalRank { get; private set; }

    /// <summary>Processes of this machine.</summary>
    public int LocalSize { get; private set; }

    /// <summary>What MPI calls this machine.</summary>
    public string Host { get; private set; } = "";

    /// <summary>How long a call waits for the other members before it fails; infinite where somebody else watches over them
    /// (<see cref="Communicator.Progress"/>, <see cref="Abort"/>).</summary>
    public TimeSpan Timeout { get; set; }

    internal MpiThread Thread { get; }

    /// <summary>Bytes that one call of MPI takes at most, whose counts are <c>int</c>: few enough that what is done to the values
    /// between two calls finds them in a cache, and that an abort is seen soon.</summary>
    internal int LargestPart { get; set; } = 4 << 20;

    /// <summary>Starts MPI in this process, which a launcher of MPI has started as one of several. All of them call it.</summary>
    /// <param name="api">The library that belongs to the launcher.</param>
    /// <param name="timeout">How long a call waits for other members, starting included; null for without end.</param>
    /// <param name="size">How many processes there must be; null for as many as the launcher says.</param>
    /// <exception cref="CommunicationException">There is no library, it does not start, or it is that of another launcher.</exception>
    public static MpiProcess Start(MpiApi api, TimeSpan? timeout = null, int? size = null)
    {
        if (!api.IsSupported)
            throw new CommunicationException($"There is no MPI: {api.Origin}. {MpiSearch.Remedy}");
        MpiProcess process = new(api, timeout ?? System.Threading.Timeout.InfiniteTimeSpan);
        long ticket = process.Thread.Begin(new(MpiCall.Body, null, Body: process.Initialize));
        if (timeout is not { } limit)
            process.Thread.Wait(ticket);
        else if (!process.Thread.Wait(ticket, limit))
        {
            process.Abort("MPI did not start");
            throw new CommunicationException($"{api.Name} did not start within {limit.TotalSeconds:0.#} s: not all of the processes have "
                + "come. Look at what the launcher says of the others.");
        }
        if ((size ?? MpiLauncher.Current?.Size) is { } expected && expected != process.Size)
        {
            string message = $"{api.Name} ({api.Origin}) sees {process.Size} process{(process.Size == 1 ? "" : "es")}, but "
                + $"{MpiLauncher.Current?.Name ?? "the launcher"} started {expected}: the library is not the launcher's. "
                + "Name the file of the launcher's own in PERTURBED_FORGETTING_MPI, or start with the mpirun that belongs to this one.";
            process.Dispose();
            throw new CommunicationException(message);
        }
        return process;
    }

    /// <summary>The group of all processes, for tensors of a device. All of them call it.</summary>
    /// <param name="device">Where this process has its tensors.</param>
    public Communicator CreateCommunicator(Device device) =>
        new MpiCommunicator(this, Api.Constants.CommWorld, Rank, Size, device, isOwned: false);

    /// <summary>Gives all processes the bytes of one.</summary>
    /// <param name="message">What the root has to say; what others give is not looked at.</param>
    /// <param name="root">The process whose bytes they are.</param>
    /// <exception cref="CommunicationException">A process is gone.</exception>
    public byte[] Broadcast(ReadOnlySpan<byte> message, int root)
    {
        byte[] content = Rank == root ? message.ToArray() : [];
        Thread.Do(() =>
        {
            long length = content.Length;
            nint world = Api.Constants.CommWorld;
            Arrive(world);
            Broadcast(world, (nint)(&length), sizeof(long), root);
            if (Rank != root)
                content = new byte[length];
            fixed (byte* first = content)
                Broadcast(world, (nint)first, length, root);
        });
        return content;
    }

    /// <summary>Gives all processes the bytes of all, by rank.</summary>
    /// <exception cref="CommunicationException">A process is gone.</exception>
    public IReadOnlyList<byte[]> Gather(ReadOnlySpan<byte> message)
    {
        var all = new byte[Size][];
        byte[] own = message.ToArray();
        for (int root = 0; root < Size; root++)
            all[root] = Broadcast(own, root);
        return all;
    }

    /// <summary>Ends what waits in this process, because a member is gone: every call from now on fails, and MPI is left as it is. Any
    /// thread may call it.</summary>
    /// <param name="reason">What <see cref="CommunicationException"/> says.</param>
    public void Abort(string reason) => Thread.Abort(reason);

    /// <summary>Ends MPI together with the others; after <see cref="Abort"/> without waiting for anybody.</summary>
    public void Dispose()
    {
        if (isDisposed)
            return;
        isDisposed = true;
        try
        {
            long ticket = Thread.Begin(new(MpiCall.Body, null, Body: () => Api.Check(Api.Call.Finalize())));
            if (!Thread.Wait(ticket, LongestEnd))
                Abort("MPI did not end");
        }
        catch (CommunicationException)
        {
            // Whoever waited in a call has been told.
        }
        Thread.End();
    }

    /// <summary>Waits, on the thread of MPI, until all members of a group have come to this call. The thread sleeps meanwhile: the blocking
    /// calls of MPI take a whole processor from the computation, and cannot be ended.</summary>
    internal void Arrive(nint group)
    {
        nint request = 0;
        Api.Check(Api.Call.Ibarrier(group, &request));
        PatientWait wait = new(Timeout);
        while (true)
        {
            int isDone;
            Api.Check(Api.Call.Test(&request, &isDone, Api.Constants.StatusIgnore));
            if (isDone != 0)
                return;
            Thread.ThrowIfAborted();
            if (!wait.Once())
                throw new CommunicationException($"Not all processes came to a common step within {Timeout.TotalSeconds:0.#} s: one has "
                    + "ended, hangs, or cannot be reached.");
        }
    }

    /// <summary>Gives all members of a group the bytes of one, on the thread of MPI.</summary>
    internal void Broadcast(nint group, nint address, long bytes, int root)
    {
        for (long first = 0; first < bytes; first += LargestPart)
        {
            Thread.ThrowIfAborted();
            Api.Check(Api.Call.Bcast(address + (nint)first, (int)Math.Min(bytes - first, LargestPart), Api.Constants.Byte, root, group));
        }
    }

    void Initialize()
    {
        int flag, provided, number;
        Api.Check(Api.Call.Finalized(&flag));
        if (flag == 0)
            Api.Check(Api.Call.Initialized(&flag));
        if (flag != 0)
            throw new CommunicationException("MPI was started in this process before, and starts only once.");
        Api.Check(Api.Call.Init_thread(null, null, OneThread, &provided));
        nint world = Api.Constants.CommWorld;
        Api.Check(Api.Call.Comm_set_errhandler(world, Api.Constants.ErrorsReturn));
        if (provided < OneThread)
            throw new CommunicationException($"{Api.Name} ({Api.Origin}) takes no calls from a thread: it was built without threads.");
        Api.Check(Api.Call.Comm_rank(world, &number));
        Rank = number;
        Api.Check(Api.Call.Comm_size(world, &number));
        Size = number;
        Host = Api.Text(Api.Call.Get_processor_name);
        nint machine = 0;
        Api.Check(Api.Call.Comm_split_type(world, Api.Constants.SharedMemory, Rank, Api.Constants.InfoNull, &machine));
        Api.Check(Api.Call.Comm_rank(machine, &number));
        LocalRank = number;
        Api.Check(Api.Call.Comm_size(machine, &number));
        LocalSize = number;
        Api.Check(Api.Call.Comm_free(&machine));
    }
}
