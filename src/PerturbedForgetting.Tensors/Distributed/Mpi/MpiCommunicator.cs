using System.Diagnostics;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Tensors.Distributed.Mpi;

/// <summary>
/// A group of processes whose tensors MPI carries through the memory of the hosts. Reductions run on a thread of their own beside the
/// computation; tensors of a GPU go in pieces that are brought to the host and back, and there <see cref="Complete"/> waits. Sums and
/// means of floats are made in the type of the tensor, the mean as the sum times 1/N. NaN wins in minima and maxima.
/// </summary>
/// <remarks>Made by <see cref="MpiProcess.CreateCommunicator"/>.</remarks>
sealed unsafe class MpiCommunicator : Communicator
{
    // Long enough for the speed of the bus, short enough for two of them to be on their way while one is reduced.
    const int LargestPiece = 4 << 20;

    static readonly TimeSpan longestRest = TimeSpan.FromSeconds(1);

    readonly MpiProcess process;
    readonly Device device;
    readonly bool isOwned;
    readonly RoundedSums rounded;
    readonly HostExchange? exchange;
    nint group;
    long last, bytes, busy, waited;
    bool isDisposed;

    /// <param name="process">Who makes the calls.</param>
    /// <param name="group">MPI's handle.</param>
    /// <param name="rank">Of this process in the group.</param>
    /// <param name="size">Of the group.</param>
    /// <param name="device">Where the tensors are.</param>
    /// <param name="isOwned">Whether the handle is given back in the end.</param>
    public MpiCommunicator(MpiProcess process, nint group, int rank, int size, Device device, bool isOwned)
    {
        (this.process, this.group, this.device, this.isOwned) = (process, group, device, isOwned);
        (Rank, Size) = (rank, size);
        rounded = new(process, size);
        exchange = device.Backend.CreateExchange(Math.Min(process.LargestPart, LargestPiece));
    }

    public override string Name => process.Api.Name;

    public override int Rank { get; }

    public override int Size { get; }

    public override CommunicationProgress Progress => process.Thread.Progress;

    public override CommunicationTimes Times
    {
        get
        {
            TimeSpan all = Stopwatch.GetElapsedTime(0, Volatile.Read(ref busy)), part = Stopwatch.GetElapsedTime(0, waited);
            // A thread that is woken late has not waited for the communication.
            return new(bytes, all, part < all ? part : all);
        }
    }

    public override void BeginAllReduce(Tensor values, ReduceOperation operation) => Begin(MpiCall.AllReduce, values, operation);

    public override void BeginAllReduceRounded(Tensor values, ReduceOperation operation) =>
        Begin(values.DType == DType.Float32 && operation is ReduceOperation.Sum or ReduceOperation.Mean
            ? MpiCall.AllReduceRounded
            : MpiCall.AllReduce, values, operation);

    public override void Complete()
    {
        Wait();
        exchange?.Await();
    }

    public override void Broadcast(Tensor values, int root)
    {
        Require(values);
        ArgumentOutOfRangeException.ThrowIfNegative(root);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(root, Size);
        values.KnownBelow = 0;
        if (values.Count > 0)
            Do(new(MpiCall.Broadcast, this, values.Address, Count: values.Count, Type: values.DType, Root: root,
                Mark: exchange?.Mark()));
    }

    public override void AllGather(Tensor part, Tensor all)
    {
        Require(part);
        Require(all);
        if (all.DType != part.DType || all.Count != part.Count * Size)
            throw new ArgumentException($"The parts of {Size} processes, {part} each, do not make up {all}.");
        all.KnownBelow = 0;
        if (part.Count == 0)
            return;
        nint length = (nint)(part.Count * part.DType.Size()), own = all.Address + (Rank * length);
        if (part.Address != own && part.Address < all.Address + (Size * length) && all.Address < part.Address + length)
            throw new ArgumentException("The part overlaps the whole, and is not in its place there.");
        if (exchange is not null && part.Address != own)
        {
            all.View([Shape.Extent(part.Count, "values of a part")], Rank * part.Count).CopyFrom(part);
            all.KnownBelow = 0;
        }
        Do(new(MpiCall.AllGather, this, exchange is null ? part.Address : own, all.Address, part.Count, part.DType,
            Mark: exchange?.Mark()));
    }

    public override void Barrier()
    {
        device.Synchronize();
        Do(new(MpiCall.Barrier, this));
    }

    public override Communicator Split(int color)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(color);
        return Part((ref nint part) =>
        {
            fixed (nint* made = &part)
                Api.Check(Api.Call.Comm_split(group, color, Rank, made));
        });
    }

    /// <summary>Parts the group by machines: those that share memory form one, in the order of their ranks. All members call it.</summary>
    public Communicator SplitByMachine() => Part((ref nint part) =>
    {
        fixed (nint* made = &part)
            Api.Check(Api.Call.Comm_split_type(group, Api.Constants.SharedMemory, Rank, Api.Constants.InfoNull, made));
    });

    public override void Abort(string reason) => process.Abort(reason);

    public override void Dispose()
    {
        if (isDisposed)
            return;
        isDisposed = true;
        try
        {
            // Nothing is under way in an orderly end; who fails in the midst of a call does not wait for its members.
            if (!process.Thread.Wait(last, longestRest)
                || (isOwned && !process.Thread.Wait(process.Thread.Begin(new(MpiCall.Body, null, Body: Free)), MpiProcess.LongestEnd)))
                Abort("The group was left while a call was under way.");
        }
        catch (CommunicationException)
        {
            // Whoever waited in a call has been told.
        }
        // After an abort its thread may be in a call that uses the memory still.
        if (process.Thread.IsAborted)
            return;
        rounded.Dispose();
        exchange?.Dispose();
    }

    MpiApi Api => process.Api;

    /// <summary>Makes a call, on the thread of MPI.</summary>
    internal void Run(in MpiWork work)
    {
        long start = Stopwatch.GetTimestamp();
        process.Arrive(group);
        if (exchange is not null && work.Mark is { } mark)
            Exchange(exchange, mark, work);
        else
            RunHere(work);
        Volatile.Write(ref busy, busy + Stopwatch.GetTimestamp() - start);
    }

    void RunHere(in MpiWork work)
    {
        long length = work.Count * work.Type.Size();
        switch (work.Call)
        {
            case MpiCall.AllReduce:
                HostReduction.Run(process, group, Size, work.Source, work.Count, work.Type, work.Operation);
                break;
            case MpiCall.AllReduceRounded:
                rounded.Run(group, (float*)work.Source, work.Count, work.Operation);
                break;
            case MpiCall.Broadcast:
                process.Broadcast(group, work.Source, length, work.Root);
                break;
            case MpiCall.AllGather:
                Gather(work.Source, work.Target, length);
                break;
        }
    }

    void Exchange(HostExchange exchange, object mark, MpiWork work)
    {
        long length = work.Count * work.Type.Size();
        switch (work.Call)
        {
            case MpiCall.AllReduce or MpiCall.AllReduceRounded:
                exchange.Run(mark, work.Source, length, isRead: true, isWritten: true,
                    (piece, _, bytes) => RunHere(work with { Source = piece, Count = bytes / work.Type.Size() }));
                break;
            case MpiCall.Broadcast:
                Send(work.Source, work.Root);
                break;
            case MpiCall.AllGather:
                for (int root = 0; root < Size; root++)
                    Send(work.Target + (root * (nint)length), root);
                break;
        }
        exchange.Release(mark);

        void Send(nint address, int root) => exchange.Run(mark, address, length, isRead: Rank == root, isWritten: Rank != root,
            (piece, _, bytes) => process.Broadcast(group, piece, bytes, root));
    }

    void Gather(nint part, nint all, long length)
    {
        nint own = all + (Rank * (nint)length);
        if (length <= process.LargestPart)
        {
            Api.Check(Api.Call.Allgather(part == own ? Api.Constants.InPlace : part, (int)length, Api.Constants.Byte,
                all, (int)length, Api.Constants.Byte, group));
            return;
        }
        // MPI lays the parts of one call one behind the other: parts of parts would not come to lie in their places.
        if (part != own)
            Buffer.MemoryCopy((void*)part, (void*)own, length, length);
        for (int root = 0; root < Size; root++)
            process.Broadcast(group, all + (root * (nint)length), length, root);
    }

    void Begin(MpiCall call, Tensor values, ReduceOperation operation)
    {
        Require(values);
        if (values.DType == DType.UInt8 || (operation == ReduceOperation.Mean && !values.DType.IsFloating()))
            throw new ArgumentException($"There is no {operation} of {values.DType} over processes.");
        values.KnownBelow = 0;
        if (values.Count == 0)
            return;
        bytes += values.Count * values.DType.Size();
        last = process.Thread.Begin(new(call, this, values.Address, Count: values.Count, Type: values.DType, Operation: operation,
            Mark: exchange?.Mark()));
    }

    void Do(in MpiWork work)
    {
        bytes += work.Count * work.Type.Size();
        last = process.Thread.Begin(work);
        Complete();
    }

    void Wait()
    {
        using var range = Ranges.Operation("wait for MPI");
        long start = Stopwatch.GetTimestamp();
        try
        {
            process.Thread.Wait(last);
        }
        finally
        {
            waited += Stopwatch.GetTimestamp() - start;
        }
    }

    delegate void Parting(ref nint part);

    MpiCommunicator Part(Parting parting)
    {
        nint part = 0;
        int rank = 0, size = 0;
        process.Thread.Do(() =>
        {
            process.Arrive(group);
            parting(ref part);
            int number;
            Api.Check(Api.Call.Comm_rank(part, &number));
            rank = number;
            Api.Check(Api.Call.Comm_size(part, &number));
            size = number;
        });
        return new(process, part, rank, size, device, isOwned: true);
    }

    void Free()
    {
        fixed (nint* handle = &group)
            Api.Check(Api.Call.Comm_free(handle));
    }

    void Require(Tensor tensor)
    {
        ObjectDisposedException.ThrowIf(isDisposed, this);
        if (tensor.Device != device)
            throw new ArgumentException($"The group works on {device}, not on {tensor}.");
    }
}
