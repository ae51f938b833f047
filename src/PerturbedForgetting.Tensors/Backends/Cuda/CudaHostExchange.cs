using System.Collections.Concurrent;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Tensors.Memory;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

/// <summary>Pieces that a stream of their own brings to two halves of pinned memory and back.</summary>
unsafe sealed class CudaHostExchange : HostExchange
{
    readonly CudaWorkplace workplace;
    readonly CudaStream stream;
    readonly PinnedBuffer<byte> memory;
    readonly CudaEvent[] moved;
    readonly CudaEvent done;
    readonly ConcurrentBag<CudaEvent> spare = [];
    readonly int half;

    /// <param name="workplace">Where the computation is.</param>
    /// <param name="pieceBytes">Of a piece at most.</param>
    public CudaHostExchange(CudaWorkplace workplace, int pieceBytes)
    {
        (this.workplace, half) = (workplace, pieceBytes);
        CudaContext context = workplace.Context;
        stream = context.CreateStream();
        memory = context.AllocatePinned<byte>(2 * pieceBytes);
        // A thread that waits sleeps: it has cores to leave to others.
        moved = [.. Enumerable.Range(0, 2).Select(_ => context.CreateEvent(CudaEventFlags.DisableTiming | CudaEventFlags.BlockingSync))];
        done = context.CreateEvent();
        foreach (CudaEvent each in moved.Append(done))
            each.Record(stream);
    }

    public override object Mark()
    {
        if (workplace.IsCapturing)
            throw new NotSupportedException("Values that go through the memory of the host cannot be recorded into a graph.");
        if (!spare.TryTake(out CudaEvent? mark))
            mark = workplace.Context.CreateEvent();
        mark.Record(workplace.Stream);
        return mark;
    }

    public override void Run(object mark, nint address, long bytes, bool isRead, bool isWritten, PieceWork work)
    {
        stream.Wait((CudaEvent)mark);
        long pieces = (bytes + half - 1) / half;
        for (long i = 0; i < pieces; i++)
        {
            if (isRead && i == 0)
                Fetch(0);
            if (isRead && i + 1 < pieces)
                Fetch(i + 1);
            // It was read from the device, or is free because it was written there.
            moved[i % 2].Synchronize();
            work((nint)Half(i), i * half, Length(i));
            if (!isWritten)
                continue;
            stream.Upload(At(i), Half(i), Length(i));
            moved[i % 2].Record(stream);
        }
        done.Record(stream);

        void Fetch(long piece)
        {
            stream.Download(Half(piece), At(piece), Length(piece));
            moved[piece % 2].Record(stream);
        }

        DevicePointer At(long piece) => new((ulong)address + (ulong)(piece * half));

        byte* Half(long piece) => memory.Pointer + (piece % 2 * half);

        int Length(long piece) => (int)Math.Min(bytes - (piece * half), half);
    }

    public override void Release(object mark) => spare.Add((CudaEvent)mark);

    public override void Await() => workplace.Stream.Wait(done);

    public override void Dispose()
    {
        try
        {
            stream.Synchronize();
        }
        catch (CudaException)
        {
            // The device is lost; whoever computes on it has been told.
        }
        foreach (CudaEvent each in spare.Concat(moved).Append(done))
            each.Dispose();
        memory.Dispose();
        stream.Dispose();
    }
}
