using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Simulator.Execution;
using PerturbedForgetting.Simulator.Memory;

namespace PerturbedForgetting.Simulator.Driver;

/// <summary>Copies and fills of a context. Ranges are checked when the call is made, as a real driver does, and again when it
/// runs.</summary>
sealed unsafe class Copies(SimulatedContext context)
{
    const int Chunk = 1 << 30;

    bool Executes => context.Device.Options.Executes;

    /// <summary>What stands in host memory that is not pinned until a copy to it is there.</summary>
    const byte NotYet = 0xC5;

    /// <summary>Host to device. Memory that is not pinned is read at once, as a real driver stages it; the copy to the device comes in the
    /// stream's own time either way.</summary>
    public void Upload(SimulatedStream stream, ulong destination, void* source, nuint bytes)
    {
        if (bytes == 0)
            return;
        CheckHost(source);
        CheckDevice(destination, bytes);
        if (!Executes)
        {
            stream.Enqueue($"copy of {bytes} bytes to the device", static _ => { });
            return;
        }
        nint from = (nint)source;
        HostUse? use = HostUse.Of(context, source, bytes, isWrite: false);
        byte[]? staged = null;
        if (use is null)
        {
            RefuseCapture(stream);
            staged = new ReadOnlySpan<byte>(source, checked((int)bytes)).ToArray();
        }
        stream.Enqueue($"copy of {bytes} bytes to the device", operation =>
        {
            use?.Check(operation);
            Allocation target = Access(destination, bytes, isWrite: true, operation);
            if (staged is null)
                Buffer.MemoryCopy((void*)from, (void*)destination, bytes, bytes);
            else
                staged.CopyTo(new Span<byte>((void*)destination, staged.Length));
            target.MarkWritten(destination, (long)bytes);
            use?.End(operation);
        }, use is null ? null : use.Begin);
    }

    /// <summary>Device to host, in the stream's own time. A real driver may let the host wait where the memory is not pinned, and may
    /// not: the bytes are there when the host has waited, and who has used the memory for something else by then has not
    /// waited.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="destination">Memory of the host.</param>
    /// <param name="source">Memory of the device.</param>
    /// <param name="bytes">How much.</param>
    /// <param name="isAwaited">Whether the call itself waits.</param>
    public void Download(SimulatedStream stream, void* destination, ulong source, nuint bytes, bool isAwaited)
    {
        if (bytes == 0)
            return;
        CheckHost(destination);
        CheckDevice(source, bytes);
        nint to = (nint)destination;
        HostUse? use = HostUse.Of(context, destination, bytes, isWrite: true);
        bool isMarked = !isAwaited && use is null;
        if (isMarked)
        {
            RefuseCapture(stream);
            new Span<byte>(destination, checked((int)bytes)).Fill(NotYet);
        }
        stream.Enqueue($"copy of {bytes} bytes to the host", operation =>
        {
            use?.Check(operation);
            Access(source, bytes, isWrite: false, operation);
            if (isMarked && new ReadOnlySpan<byte>((void*)to, (int)bytes).ContainsAnyExcept(NotYet))
                throw new DeviceFault(FaultKind.UnorderedStreams, $"{operation.Lane.Describe(Operation.SequenceOf(operation.Id))}: the "
                    + "host used the memory, which is not pinned, before it waited for the copy: synchronise the stream first");
            if (Executes)
                Buffer.MemoryCopy((void*)source, (void*)to, bytes, bytes);
            else
                NativeMemory.Clear((void*)to, bytes);
            use?.End(operation);
        }, use is null ? null : use.Begin);
    }

    /// <summary>Within the device; what was never written there stays so here.</summary>
    public void Copy(SimulatedStream stream, ulong destination, ulong source, nuint bytes)
    {
        if (bytes == 0)
            return;
        CheckDevice(destination, bytes);
        CheckDevice(source, bytes);
        stream.Enqueue($"copy of {bytes} bytes on the device", operation =>
        {
            Allocation from = Access(source, bytes, isWrite: false, operation);
            Allocation to = Access(destination, bytes, isWrite: true, operation);
            if (!Executes)
                return;
            Buffer.MemoryCopy((void*)source, (void*)destination, bytes, bytes);
            to.CopyMarks(destination, from, source, (long)bytes);
        });
    }

    /// <summary>Sets elements of 1 or 4 bytes.</summary>
    public void Fill<T>(SimulatedStream stream, ulong destination, T value, nuint count) where T : unmanaged
    {
        if (count == 0)
            return;
        if (count > nuint.MaxValue / (nuint)sizeof(T))
            throw SimulatedError.InvalidValue($"{count} elements are more than any device has");
        nuint bytes = count * (nuint)sizeof(T);
        if (destination % (ulong)sizeof(T) != 0)
            throw SimulatedError.InvalidValue($"0x{destination:x} is not a multiple of {sizeof(T)}");
        CheckDevice(destination, bytes);
        bool isZero = EqualityComparer<T>.Default.Equals(value, default);
        stream.Enqueue($"fill of {bytes} bytes", operation =>
        {
            Allocation target = Access(destination, bytes, isWrite: true, operation);
            if (!Executes || (isZero && target.TryClear(destination, bytes)))
                return;
            for (nuint done = 0; done < count; done += Chunk)
                new Span<T>((T*)destination + done, (int)Math.Min(count - done, Chunk)).Fill(value);
            target.MarkWritten(destination, (long)bytes);
        });
    }

    /// <summary>Finds the allocation of a range, and notes who touches it.</summary>
    public Allocation Access(ulong address, nuint bytes, bool isWrite, Operation operation)
    {
        Allocation? allocation = context.Memory.Find(address);
        if (allocation is null || !allocation.Contains(address, (long)bytes))
        {
            (FaultKind kind, string text) = context.Memory.Explain(address, (long)bytes);
            throw new DeviceFault(kind, $"{operation.Lane.Describe(Operation.SequenceOf(operation.Id))}: {text}");
        }
        if (allocation.History?.Note(address, (long)bytes, isWrite, operation.Id) is { } conflict)
            throw AccessHistory.Fault(conflict);
        return allocation;
    }

    void CheckDevice(ulong address, nuint bytes)
    {
        if (address == 0)
            throw SimulatedError.InvalidValue("the device address is null");
        if (bytes > long.MaxValue || context.Memory.Find(address) is not { } allocation || !allocation.Contains(address, (long)bytes))
            throw SimulatedError.InvalidValue(context.Memory.Explain(address, (long)Math.Min(bytes, long.MaxValue)).Text);
    }

    // A graph would read and write the memory whenever it runs, which a garbage collector or a return may have made something else by then.
    static void RefuseCapture(SimulatedStream stream)
    {
        if (stream.Capture is { } capture)
            throw capture.Invalidate(CudaResult.StreamCaptureUnsupported,
                $"a copy of host memory that is not pinned, while {stream.Name} is being captured");
    }

    static void CheckHost(void* pointer)
    {
        if (pointer is null)
            throw SimulatedError.InvalidValue("the host address is null");
    }
}
