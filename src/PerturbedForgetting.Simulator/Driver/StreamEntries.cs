using System.Diagnostics;
using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda.Driver;

namespace PerturbedForgetting.Simulator.Driver;

/// <summary>Entry points for streams and events.</summary>
static unsafe class StreamEntries
{
    // CU_EVENT_RECORD_EXTERNAL: each launch of a captured graph records the event.
    const uint External = 1;

    [UnmanagedCallersOnly]
    public static CudaResult StreamCreateWithPriority(nint* stream, CudaStreamFlags flags, int priority) => Entry.Run(context =>
    {
        Entry.NotNull(stream, "stream");
        if ((flags & ~CudaStreamFlags.NonBlocking) != 0)
            throw SimulatedError.InvalidValue($"0x{(uint)flags:x} are no flags of a stream");
        // The software GPU runs streams of all priorities alike.
        *stream = context.CreateStream(isBlocking: flags == CudaStreamFlags.Default);
    });

    [UnmanagedCallersOnly]
    public static CudaResult StreamDestroy(nint stream) => Entry.Run(context =>
    {
        SimulatedStream found = Named(context, stream);
        if (found.Capture is { } capture)
            throw capture.Invalidate(CudaResult.StreamCaptureUnsupported, $"{found.Name} is being captured and cannot be destroyed");
        context.Scheduler.Close(found.Lane);
        context.Unregister(stream, found);
    });

    [UnmanagedCallersOnly]
    public static CudaResult StreamSynchronize(nint stream) => Entry.Run(context =>
    {
        SimulatedStream found = Entry.Stream(context, stream);
        context.Captures.RefuseQuery(found, "waiting for work");
        found.Synchronize();
    });

    [UnmanagedCallersOnly]
    public static CudaResult StreamWaitEvent(nint stream, nint waited, uint flags) => Entry.Run(context =>
    {
        SimulatedStream found = Entry.Stream(context, stream);
        SimulatedEvent mark = Entry.Object<SimulatedEvent>(waited, "event");
        if (flags > 1)
            throw SimulatedError.InvalidValue($"0x{flags:x} are no flags of a wait");
        if (!context.Captures.Wait(found, mark) && mark.Recorded is { } recorded)
            found.Issue("waiting for an event", static _ => { }, [recorded]);
    });

    [UnmanagedCallersOnly]
    public static CudaResult EventCreate(nint* created, CudaEventFlags flags) => Entry.Run(context =>
    {
        Entry.NotNull(created, "the event's place");
        if (((uint)flags & ~7u) != 0 || ((uint)flags & 6) == 4)
            throw SimulatedError.InvalidValue($"0x{(uint)flags:x} are no flags of an event");
        *created = context.Register(new SimulatedEvent(isTimed: !flags.HasFlag(CudaEventFlags.DisableTiming)));
    });

    [UnmanagedCallersOnly]
    public static CudaResult EventDestroy(nint destroyed) => Entry.Run(context =>
        context.Unregister(destroyed, Entry.Object<SimulatedEvent>(destroyed, "event")));

    [UnmanagedCallersOnly]
    public static CudaResult EventRecord(nint recorded, nint stream) => Entry.Run(context => Record(context, recorded, stream));

    [UnmanagedCallersOnly]
    public static CudaResult EventRecordWithFlags(nint recorded, nint stream, uint flags) => Entry.Run(context =>
    {
        if (flags > External)
            throw SimulatedError.InvalidValue($"0x{flags:x} are no flags of a record");
        if (flags == 0)
        {
            Record(context, recorded, stream);
            return;
        }
        SimulatedEvent mark = Entry.Object<SimulatedEvent>(recorded, "event");
        SimulatedStream found = Entry.Stream(context, stream);
        if (found.Capture is null)
            throw SimulatedError.InvalidValue($"{found.Name} is not being captured, so that no graph could record the event");
        found.Enqueue("recording of an event", operation =>
            (mark.Capture, mark.CapturedNodes, mark.Recorded, mark.Timestamp) = (null, [], operation, Stopwatch.GetTimestamp()));
    });

    [UnmanagedCallersOnly]
    public static CudaResult EventSynchronize(nint awaited) =>
        Entry.Run(context => context.Scheduler.HostWaits(Recorded(awaited).Recorded));

    [UnmanagedCallersOnly]
    public static CudaResult EventElapsedTime(float* milliseconds, nint start, nint end) => Entry.Run(_ =>
    {
        Entry.NotNull(milliseconds, "milliseconds");
        SimulatedEvent first = Recorded(start), last = Recorded(end);
        if (!first.IsTimed || !last.IsTimed)
            throw SimulatedError.InvalidHandle("an event was created without timing");
        if (first.Recorded is null || last.Recorded is null)
            throw SimulatedError.InvalidHandle("an event was never recorded");
        if (!first.Recorded.IsDone || !last.Recorded.IsDone)
            throw new SimulatedError(CudaResult.NotReady, "an event is not reached yet");
        *milliseconds = (float)Stopwatch.GetElapsedTime(first.Timestamp, last.Timestamp).TotalMilliseconds;
    });

    static void Record(SimulatedContext context, nint recorded, nint stream)
    {
        SimulatedEvent mark = Entry.Object<SimulatedEvent>(recorded, "event");
        SimulatedStream found = Entry.Stream(context, stream);
        if (found.Capture is { } capture)
        {
            capture.CheckActive();
            (mark.Capture, mark.CapturedNodes, mark.Recorded) = (capture, found.CapturedTail, null);
            return;
        }
        context.Captures.RefuseImplicit(found);
        (mark.Capture, mark.CapturedNodes) = (null, []);
        mark.Recorded = found.Issue("recording of an event", _ => mark.Timestamp = Stopwatch.GetTimestamp(), []);
    }

    static SimulatedEvent Recorded(nint handle)
    {
        SimulatedEvent mark = Entry.Object<SimulatedEvent>(handle, "event");
        return mark.Capture is { } capture
            ? throw capture.Invalidate(CudaResult.CapturedEvent, "the event was recorded in a capture; it can be waited for only there")
            : mark;
    }

    static SimulatedStream Named(SimulatedContext context, nint handle) => handle is 0 or 1
        ? throw SimulatedError.InvalidHandle("the default stream cannot be destroyed")
        : Entry.Stream(context, handle);
}
