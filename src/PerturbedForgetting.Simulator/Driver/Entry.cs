using System.Runtime.CompilerServices;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Simulator.Execution;

namespace PerturbedForgetting.Simulator.Driver;

/// <summary>The way into every entry point: one at a time, in the current context, and no exception leaves it.</summary>
static class Entry
{
    const string Prefix = "cu";

    // A monitor, because who waits for another device lets other calls in.
    static readonly object gate = new();

    [ThreadStatic] static string? finding;

    /// <summary>The context that is current on this thread.</summary>
    [field: ThreadStatic]
    public static SimulatedContext? Current { get; set; }

    /// <summary>What was wrong with the last call of this thread; null when it succeeded.</summary>
    public static string? Finding => finding;

    /// <summary>A call that needs no context.</summary>
    public static CudaResult Free(Action body)
    {
        lock (gate)
        {
            finding = null;
            return Guard(null, body);
        }
    }

    /// <summary>A call that works in the current context.</summary>
    /// <param name="body">What it does.</param>
    /// <param name="call">The entry point, which may be refused (<see cref="SimulatedRefusal"/>); empty for one that looks for
    /// itself.</param>
    public static CudaResult Run(Action<SimulatedContext> body, [CallerMemberName] string call = "")
    {
        lock (gate)
        {
            finding = null;
            SimulatedContext? context = Current;
            return context is null
                ? Refuse(CudaResult.InvalidContext, "no context is current on this thread")
                : context.Device.IsShutDown ? Refuse(CudaResult.Deinitialized, "the software GPU was shut down")
                : context.IsDestroyed ? Refuse(CudaResult.ContextIsDestroyed, "the context was destroyed")
                : context.Sticky != CudaResult.Success ? Refuse(context.Sticky, context.Finding)
                : Guard(context, () => RunUnlessRefused(context, body, call));
        }
    }

    /// <summary>Lets other calls in until one of them, or another device, has changed something (<see cref="Change"/>). Called from
    /// within a call.</summary>
    public static void AwaitChange() => Monitor.Wait(gate);

    /// <summary>Changes what calls wait for.</summary>
    public static void Change(Action body)
    {
        lock (gate)
        {
            body();
            Monitor.PulseAll(gate);
        }
    }

    /// <summary>Runs a context's joint work as soon as it can be run, until the context is gone: unlike all other work it must not wait
    /// for this host, because other devices wait for it.</summary>
    public static void Drive(SimulatedContext context)
    {
        lock (gate)
        {
            while (!context.IsDestroyed && context.Sticky == CudaResult.Success)
            {
                if (Guard(context, context.Scheduler.Advance) != CudaResult.Success)
                    Monitor.PulseAll(gate);
                else
                    Monitor.Wait(gate);
            }
        }
    }

    /// <summary>What a call of this thread returns instead of doing something; null for one that is let through.</summary>
    public static int? Refused(string prefix, string call) => Current?.Device.Refusals.Take(prefix, call);

    /// <summary>The object behind a handle of the current context.</summary>
    public static T Object<T>(nint handle, string what) where T : class =>
        Handles.Find<T>(handle) ?? throw SimulatedError.InvalidHandle($"0x{handle:x} is no {what}, or one that was destroyed");

    /// <summary>The stream behind a handle; 0 and 1 are the default stream.</summary>
    public static SimulatedStream Stream(SimulatedContext context, nint handle)
    {
        if (handle is 0 or 1)
            return context.DefaultStream;
        SimulatedStream stream = Object<SimulatedStream>(handle, "stream");
        return stream.Context == context ? stream : throw SimulatedError.InvalidHandle($"{stream.Name} belongs to another context");
    }

    /// <summary>Refuses a null pointer.</summary>
    public static unsafe void NotNull(void* pointer, string name)
    {
        if (pointer is null)
            throw SimulatedError.InvalidValue($"{name} is null");
    }

    static void RunUnlessRefused(SimulatedContext context, Action<SimulatedContext> body, string call)
    {
        if (call.Length == 0 || Refused(Prefix, call) is not { } code)
        {
            body(context);
            return;
        }
        var result = (CudaResult)code;
        if (call == nameof(CudaDriverTable.StreamEndCapture))
            body(context);
        if (result is >= CudaResult.StreamCaptureUnsupported and <= CudaResult.StreamCaptureWrongThread)
            context.Captures.InvalidateAll(result, call);
        if (result != CudaResult.Success)
            throw new SimulatedError(result, $"the software GPU was told to refuse {Prefix}{call}");
    }

    static CudaResult Guard(SimulatedContext? context, Action body)
    {
        try
        {
            body();
            return CudaResult.Success;
        }
        catch (SimulatedError error)
        {
            return Refuse(error.Code, error.Message);
        }
        catch (DeviceFault fault) when (context is not null)
        {
            return Refuse(context.Fail(fault), fault.Message);
        }
        catch (OutOfMemoryException)
        {
            return Refuse(CudaResult.OutOfMemory, "the host has no memory left for the software GPU");
        }
        catch (Exception e)
        {
            return Refuse(CudaResult.Unknown, $"the software GPU itself failed: {e}");
        }
    }

    static CudaResult Refuse(CudaResult code, string? text)
    {
        finding = text;
        return code;
    }
}
