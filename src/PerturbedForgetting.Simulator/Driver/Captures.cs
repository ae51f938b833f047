using PerturbedForgetting.Cuda.Driver;

namespace PerturbedForgetting.Simulator.Driver;

/// <summary>A capture: work of one stream, and of those that its events draw in, becomes a graph.</summary>
sealed class Capture(SimulatedStream origin, CudaCaptureMode mode)
{
    public SimulatedStream Origin => origin;

    public CudaCaptureMode Mode => mode;

    public int Thread { get; } = Environment.CurrentManagedThreadId;

    public SimulatedGraph Graph { get; } = new();

    /// <summary>Why the capture is useless; null while it is not.</summary>
    public string? Invalidated { get; private set; }

    public SimulatedError Invalidate(CudaResult code, string text)
    {
        Invalidated ??= text;
        return new SimulatedError(code, text);
    }

    public void CheckActive()
    {
        if (Invalidated is not null)
            throw new SimulatedError(CudaResult.StreamCaptureInvalidated, $"an earlier call made the capture useless: {Invalidated}");
    }
}

/// <summary>The captures of a context, and what they forbid (CUDA driver API, "Stream Management", cuStreamBeginCapture).</summary>
sealed class Captures(SimulatedContext context)
{
    public void Begin(SimulatedStream stream, CudaCaptureMode mode)
    {
        if (!Enum.IsDefined(mode))
            throw SimulatedError.InvalidValue($"{(int)mode} is no capture mode");
        if (stream == context.DefaultStream)
            throw new SimulatedError(CudaResult.StreamCaptureUnsupported, "the default stream cannot be captured; create a stream");
        if (stream.Capture is not null)
            throw new SimulatedError(CudaResult.IllegalState, $"{stream.Name} is being captured already");
        stream.Capture = new Capture(stream, mode);
        stream.CapturedTail = [];
    }

    public SimulatedGraph End(SimulatedStream stream)
    {
        Capture capture = stream.Capture ?? throw new SimulatedError(CudaResult.IllegalState, $"{stream.Name} is not being captured");
        if (capture.Origin != stream)
            throw new SimulatedError(CudaResult.StreamCaptureUnmatched,
                $"the capture began on {capture.Origin.Name}, not on {stream.Name}");
        if (capture.Mode != CudaCaptureMode.Relaxed && capture.Thread != Environment.CurrentManagedThreadId)
            throw new SimulatedError(CudaResult.StreamCaptureWrongThread, "the capture began on another thread");
        // A node that nothing captured depends on must be the last of the stream on which the capture began.
        SimulatedStream? unjoined = context.Streams.FirstOrDefault(s => s != stream && s.Capture == capture
            && !IsJoined(capture.Graph, s.CapturedTail, stream.CapturedTail));
        foreach (SimulatedStream member in context.Streams.Where(s => s.Capture == capture).ToArray())
            (member.Capture, member.CapturedTail) = (null, []);
        capture.CheckActive();
        if (unjoined is not null)
            throw new SimulatedError(CudaResult.StreamCaptureUnjoined,
                $"{unjoined.Name} was drawn into the capture, but {stream.Name} does not wait for it at the end");
        return capture.Graph;
    }

    /// <summary>A stream waits for an event: this may draw the stream into the event's capture.</summary>
    /// <returns>False when no capture is involved.</returns>
    public bool Wait(SimulatedStream stream, SimulatedEvent waited)
    {
        if (stream.Capture is { } own)
        {
            own.CheckActive();
            if (waited.Capture is null)
            {
                if (waited.Recorded is null)
                    return true;
                throw own.Invalidate(CudaResult.StreamCaptureIsolation, $"{stream.Name} is captured and would wait for work that is not");
            }
            if (waited.Capture != own)
                throw own.Invalidate(CudaResult.StreamCaptureMerge, $"{stream.Name} would join two captures");
        }
        else if (waited.Capture is null)
            return false;
        Capture capture = waited.Capture;
        capture.CheckActive();
        if (capture.Origin.Capture != capture)
            throw new SimulatedError(CudaResult.CapturedEvent, "the event was recorded in a capture that has ended");
        stream.CapturedTail = [.. stream.CapturedTail.Union(waited.CapturedNodes)];
        stream.Capture = capture;
        return true;
    }

    /// <summary>A call that waits for a stream or asks how far it is.</summary>
    public void RefuseQuery(SimulatedStream stream, string call)
    {
        if (stream.Capture is { } capture)
            throw capture.Invalidate(CudaResult.StreamCaptureUnsupported, $"{call} on {stream.Name}, which is being captured");
        if (stream.IsBlocking)
            RefuseImplicit(stream);
    }

    /// <summary>Work of the default stream would wait for a captured one.</summary>
    public void RefuseImplicit(SimulatedStream stream)
    {
        if (stream != context.DefaultStream)
            return;
        foreach (SimulatedStream captured in context.Streams.Where(s => s.IsBlocking && s.Capture is not null))
            throw captured.Capture!.Invalidate(CudaResult.StreamCaptureImplicit,
                $"the default stream would wait for {captured.Name}, which is being captured");
    }

    /// <summary>A call that is unsafe while anything is captured: waiting for the device, allocating and freeing at once, copying at
    /// once.</summary>
    public void RefuseUnsafe(string call)
    {
        foreach (SimulatedStream stream in context.Streams)
        {
            if (stream.Capture is { } capture && (capture.Mode == CudaCaptureMode.Global
                || (capture.Mode == CudaCaptureMode.ThreadLocal && capture.Thread == Environment.CurrentManagedThreadId)))
                throw capture.Invalidate(CudaResult.StreamCaptureUnsupported, $"{call} while {stream.Name} is being captured");
        }
    }

    /// <summary>A call was refused because of a capture.</summary>
    public void InvalidateAll(CudaResult code, string call)
    {
        foreach (SimulatedStream stream in context.Streams)
            stream.Capture?.Invalidate(code, $"{call} was refused");
    }

    static bool IsJoined(SimulatedGraph graph, IReadOnlyList<int> tail, IReadOnlyList<int> end)
    {
        HashSet<int> before = [];
        Stack<int> open = new(end);
        while (open.TryPop(out int node))
        {
            if (!before.Add(node))
                continue;
            foreach (int dependency in graph.Nodes[node].Dependencies)
                open.Push(dependency);
        }
        return tail.All(before.Contains);
    }
}
