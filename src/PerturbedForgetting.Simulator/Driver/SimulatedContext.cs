using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Simulator.Execution;
using PerturbedForgetting.Simulator.Memory;

namespace PerturbedForgetting.Simulator.Driver;

/// <summary>The primary context of a software GPU: its memory, streams, modules, and the fault that killed it, if one did.</summary>
sealed class SimulatedContext
{
    readonly HashSet<nint> handles = [];
    readonly HashSet<SimulatedStream> streams = [];
    int streamsMade;
    bool isDriven;

    public SimulatedContext(SimulatedDevice device)
    {
        Device = device;
        Memory = new DeviceMemory(device.Options.MemoryBytes);
        Scheduler = new Scheduler(device.Options.ShuffleSeed, device.CountOperation, CheckAlive) { HostKnows = Pinned.Acknowledge };
        Copies = new Copies(this);
        Captures = new Captures(this);
        Handle = Handles.Add(this);
        DefaultStream = new SimulatedStream(this, "the default stream", isBlocking: true);
        streams.Add(DefaultStream);
    }

    public SimulatedDevice Device { get; }

    public nint Handle { get; }

    public DeviceMemory Memory { get; }

    public Scheduler Scheduler { get; }

    public Copies Copies { get; }

    public Captures Captures { get; }

    public PinnedMemory Pinned { get; } = new();

    /// <summary>The legacy default stream: waits for every blocking stream, and they for it.</summary>
    public SimulatedStream DefaultStream { get; }

    public IEnumerable<SimulatedStream> Streams => streams;

    public IEnumerable<SimulatedModule> Modules => Objects<SimulatedModule>();

    /// <summary>What of a kind has a handle in it.</summary>
    public IEnumerable<T> Objects<T>() where T : class => handles.Select(Handles.Find<T>).OfType<T>();

    public bool IsDestroyed { get; private set; }

    /// <summary>The code that every call returns since a fault; Success while there was none.</summary>
    public CudaResult Sticky { get; private set; }

    /// <summary>The fault in words.</summary>
    public string? Finding { get; private set; }

    /// <summary>What kind of fault it was.</summary>
    public FaultKind? KindOfFault { get; private set; }

    /// <summary>A new stream; its handle.</summary>
    public nint CreateStream(bool isBlocking) =>
        Register(new SimulatedStream(this, $"stream {++streamsMade}", isBlocking));

    /// <summary>A new object of the context with its handle.</summary>
    public nint Register(object value)
    {
        nint handle = Handles.Add(value);
        handles.Add(handle);
        if (value is SimulatedStream stream)
        {
            streams.Add(stream);
            WatchOrder();
        }
        return handle;
    }

    public void Unregister(nint handle, object value)
    {
        Handles.Remove(handle);
        handles.Remove(handle);
        if (value is SimulatedStream stream)
            streams.Remove(stream);
    }

    /// <summary>Puts an allocation under watch when there is more than one queue that could touch it.</summary>
    public Allocation Watch(Allocation allocation)
    {
        // What does nothing conflicts with nothing.
        if (Scheduler.LaneCount > 1 && Device.Options.Executes)
            allocation.History ??= new AccessHistory(allocation.Start, allocation.Size, Scheduler);
        return allocation;
    }

    /// <summary>A second queue exists from now on: unordered accesses become possible.</summary>
    public void WatchOrder()
    {
        foreach (Allocation allocation in Memory.Allocations)
            Watch(allocation);
    }

    /// <summary>From now on work that other devices take part in is done without this host.</summary>
    public void Drive()
    {
        if (isDriven)
            return;
        isDriven = true;
        new Thread(() => Entry.Drive(this)) { IsBackground = true, Name = "software GPU" }.Start();
    }

    /// <summary>Refuses to go on where another call has ended the context.</summary>
    public void CheckAlive()
    {
        if (IsDestroyed)
            throw new SimulatedError(CudaResult.ContextIsDestroyed, "the context was destroyed");
        if (Sticky != CudaResult.Success)
            throw new SimulatedError(Sticky, Finding ?? "");
    }

    /// <summary>Allocates device memory.</summary>
    public Allocation Allocate(nuint bytes, string? name = null)
    {
        if (bytes == 0)
            throw SimulatedError.InvalidValue("an allocation needs at least one byte");
        return Watch(Memory.Allocate(bytes > long.MaxValue ? long.MaxValue : (long)bytes, name)
            ?? throw new SimulatedError(CudaResult.OutOfMemory,
            $"{bytes} bytes were asked for; {Memory.Capacity - Memory.InUse} of {Memory.Capacity} bytes are free."));
    }

    /// <summary>A fault ends the context: its code comes back from every later call.</summary>
    public CudaResult Fail(DeviceFault fault)
    {
        Sticky = fault.Kind == FaultKind.DeviceLost ? Device.Options.LostCode : SimulatedError.CodeOf(fault.Kind);
        (Finding, KindOfFault) = (fault.Message, fault.Kind);
        Scheduler.Drop();
        return Sticky;
    }

    /// <summary>Destroys everything in it.</summary>
    public void Destroy()
    {
        if (IsDestroyed)
            return;
        foreach (IJointGroup group in Objects<IJointGroup>().ToArray())
            group.Abort();
        try
        {
            if (Sticky == CudaResult.Success)
                Scheduler.HostWaitsForAll();
        }
        catch (DeviceFault fault)
        {
            Fail(fault);
        }
        Entry.Change(() => IsDestroyed = true);
        foreach (nint handle in handles)
        {
            (Handles.Find<object>(handle) as IDisposable)?.Dispose();
            Handles.Remove(handle);
        }
        Handles.Remove(Handle);
        Pinned.Dispose();
        Memory.Dispose();
    }
}
