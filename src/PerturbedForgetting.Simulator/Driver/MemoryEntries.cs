using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Simulator.Execution;

namespace PerturbedForgetting.Simulator.Driver;

/// <summary>Entry points for memory. What a copy waits for: CUDA driver API, "API synchronization behavior".</summary>
static unsafe class MemoryEntries
{
    [UnmanagedCallersOnly]
    public static CudaResult MemGetInfo(nuint* free, nuint* total) => Entry.Run(context =>
    {
        Entry.NotNull(free, "free");
        Entry.NotNull(total, "total");
        (*free, *total) = ((nuint)(context.Memory.Capacity - context.Memory.InUse), (nuint)context.Memory.Capacity);
    });

    [UnmanagedCallersOnly]
    public static CudaResult MemAlloc(ulong* address, nuint bytes) => Entry.Run(context =>
    {
        Entry.NotNull(address, "address");
        context.Captures.RefuseUnsafe("allocating memory");
        *address = context.Allocate(bytes).Start;
    });

    [UnmanagedCallersOnly]
    public static CudaResult MemFree(ulong address) => Entry.Run(context =>
    {
        if (address == 0)
            return;
        context.Captures.RefuseUnsafe("freeing memory");
        // A real driver waits for the device here.
        context.Scheduler.HostWaitsForAll();
        if (context.Memory.Find(address) is not { } allocation || allocation.Start != address || !context.Memory.Free(address))
            throw SimulatedError.InvalidValue($"0x{address:x} is not the beginning of an allocation, or was freed already");
    });

    [UnmanagedCallersOnly]
    public static CudaResult MemHostAlloc(void** pointer, nuint bytes, CudaHostFlags flags) => Entry.Run(context =>
    {
        Entry.NotNull(pointer, "pointer");
        CheckHost(bytes, flags);
        context.Captures.RefuseUnsafe("allocating pinned memory");
        *pointer = context.Pinned.Allocate(bytes);
    });

    [UnmanagedCallersOnly]
    public static CudaResult MemFreeHost(void* pointer) => Entry.Run(context =>
    {
        Entry.NotNull(pointer, "pointer");
        context.Captures.RefuseUnsafe("freeing pinned memory");
        if (context.Pinned.UseOf(pointer) is { } use)
            throw new DeviceFault(FaultKind.HostRace,
                $"cuMemFreeHost of {use.Place}, which a copy still uses: wait for the copy's stream, or for an event behind it, first");
        context.Scheduler.HostWaitsForAll();
        if (!context.Pinned.Free(pointer))
            throw SimulatedError.InvalidValue($"0x{(nuint)pointer:x} is no pinned memory, or was freed already");
    });

    [UnmanagedCallersOnly]
    public static CudaResult MemcpyHtoD(ulong destination, void* source, nuint bytes) => Entry.Run(context =>
    {
        RefuseBlocking(context);
        // Memory that is not pinned is staged: the driver waits for the stream before it copies, not for the copy.
        bool isStaged = !context.Pinned.Contains(source, bytes);
        if (isStaged)
            context.DefaultStream.Synchronize();
        context.Copies.Upload(context.DefaultStream, destination, source, bytes);
        if (!isStaged)
            context.DefaultStream.Synchronize();
    });

    [UnmanagedCallersOnly]
    public static CudaResult MemcpyDtoH(void* destination, ulong source, nuint bytes) => Entry.Run(context =>
    {
        RefuseBlocking(context);
        context.Copies.Download(context.DefaultStream, destination, source, bytes, isAwaited: true);
        context.DefaultStream.Synchronize();
    });

    [UnmanagedCallersOnly]
    public static CudaResult MemcpyHtoDAsync(ulong destination, void* source, nuint bytes, nint stream) => Entry.Run(context =>
        context.Copies.Upload(Entry.Stream(context, stream), destination, source, bytes));

    [UnmanagedCallersOnly]
    public static CudaResult MemcpyDtoHAsync(void* destination, ulong source, nuint bytes, nint stream) => Entry.Run(context =>
        context.Copies.Download(Entry.Stream(context, stream), destination, source, bytes, isAwaited: false));

    [UnmanagedCallersOnly]
    public static CudaResult MemcpyDtoDAsync(ulong destination, ulong source, nuint bytes, nint stream) => Entry.Run(context =>
        context.Copies.Copy(Entry.Stream(context, stream), destination, source, bytes));

    [UnmanagedCallersOnly]
    public static CudaResult MemsetD8Async(ulong destination, byte value, nuint count, nint stream) => Entry.Run(context =>
        context.Copies.Fill(Entry.Stream(context, stream), destination, value, count));

    [UnmanagedCallersOnly]
    public static CudaResult MemsetD32Async(ulong destination, uint value, nuint count, nint stream) => Entry.Run(context =>
        context.Copies.Fill(Entry.Stream(context, stream), destination, value, count));

    static void RefuseBlocking(SimulatedContext context)
    {
        context.Captures.RefuseImplicit(context.DefaultStream);
        context.Captures.RefuseUnsafe("a copy that is no asynchronous one");
    }

    static void CheckHost(nuint bytes, CudaHostFlags flags)
    {
        if (bytes == 0 || ((uint)flags & ~7u) != 0)
            throw SimulatedError.InvalidValue($"{bytes} bytes with flags 0x{(uint)flags:x}");
    }
}
