using PerturbedForgetting.Cuda;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Simulator.Execution;
using PerturbedForgetting.Tests.Cuda.Driver;

namespace PerturbedForgetting.Tests.Simulator.Planted;

/// <summary>A fault in what the host does.</summary>
/// <param name="Name">The fault in words.</param>
/// <param name="Kind">How it is called.</param>
/// <param name="Operation">The operation that the message names.</param>
/// <param name="Advice">A part of the message that says what to do, or what is wrong.</param>
/// <param name="Do">What the host does, right or wrong.</param>
sealed record PlantedInHost(string Name, FaultKind Kind, string Operation, string Advice, Action<HostMachine, bool> Do)
{
    const string Event = "record an event", Wait = "wait for";

    public static IEnumerable<PlantedInHost> All =>
    [
        new("streams without an event", FaultKind.UnorderedStreams, "kernel copy on stream 2", Event, static (m, isWrong) =>
        {
            m.Gpu.Set(m.First, m.X, 5);
            if (!isWrong)
                m.Follow(m.First, m.Second);
            m.Gpu.Copy(m.Second, m.Y, m.X);
        }),
        new("an event that is recorded too early", FaultKind.UnorderedStreams, "kernel copy on stream 2", Event, static (m, isWrong) =>
        {
            if (isWrong)
                m.Follow(m.First, m.Second);
            m.Gpu.Set(m.First, m.X, 5);
            if (!isWrong)
                m.Follow(m.First, m.Second);
            m.Gpu.Copy(m.Second, m.Y, m.X);
        }),
        new("a write behind a read that is not finished", FaultKind.UnorderedStreams, "kernel set on stream 2", Event,
            static (m, isWrong) =>
        {
            m.Gpu.Copy(m.First, m.Y, m.X);
            if (!isWrong)
                m.Follow(m.First, m.Second);
            m.Gpu.Set(m.Second, m.X, 5);
        }),
        new("a copy beside a kernel", FaultKind.UnorderedStreams, "copy of 128 bytes on the device on stream 2", Event,
            static (m, isWrong) =>
        {
            m.Gpu.Set(m.First, m.X, 5);
            if (!isWrong)
                m.Follow(m.First, m.Second);
            m.Second.Copy(m.Y, m.X, 128);
        }),
        new("pinned memory that is changed while a copy reads it", FaultKind.HostRace, "copy of 128 bytes to the device on stream 1", Wait,
            static (m, isWrong) => m.Change(isWrong, static m => m.Upload())),
        new("pinned memory that is changed while a copy writes it", FaultKind.HostRace, "copy of 128 bytes to the host on stream 1", Wait,
            static (m, isWrong) => m.Change(isWrong, static m => m.Download())),
        new("pinned memory that is freed while a copy reads it", FaultKind.HostRace, "cuMemFreeHost of 128 bytes", Wait,
            static (m, isWrong) => m.Free(isWrong, static m => m.Upload())),
        new("pinned memory that is freed while a copy writes it", FaultKind.HostRace, "cuMemFreeHost of 128 bytes", Wait,
            static (m, isWrong) => m.Free(isWrong, static m => m.Download())),
        new("pinned memory that is changed while a graph's copy reads it", FaultKind.HostRace, "copy of 128 bytes to the device", Wait,
            static (m, isWrong) =>
        {
            m.First.BeginCapture();
            m.Upload();
            using CudaGraph graph = m.First.EndCapture();
            using CudaGraphExecutable executable = graph.Instantiate();
            executable.Launch(m.First);
            m.First.Synchronize();
            // Between two launches the host may do what it likes.
            m.Pinned.Span[0]++;
            executable.Launch(m.First);
            if (!isWrong)
                m.First.Synchronize();
            m.Pinned.Span[0]++;
            m.First.Synchronize();
        }),
        new("pinned memory that two streams copy to and from", FaultKind.UnorderedStreams, "pinned memory", Event, static (m, isWrong) =>
        {
            m.Download();
            if (!isWrong)
                m.Follow(m.First, m.Second);
            m.Upload(m.Second, m.Y);
        }),
        new("a copy of what nobody wrote", FaultKind.Uninitialized, "copy", "never written", static (m, isWrong) =>
        {
            using DeviceBuffer<uint> z = m.Gpu.Context.Allocate<uint>(HostMachine.Count);
            m.First.Copy(m.Y, isWrong ? z : m.X, 128);
            m.Gpu.Copy(m.First, m.X, m.Y);
            m.First.Synchronize();
        }),
    ];

    /// <summary>What the software GPU found.</summary>
    public (FaultKind? Kind, string? Text) Run(bool isWrong, int? seed)
    {
        using var machine = new HostMachine(seed);
        try
        {
            Do(machine, isWrong);
            machine.Gpu.Context.Synchronize();
        }
        catch (CudaException)
        {
            // Looked at by the caller.
        }
        return (machine.Gpu.Driver.KindOfFault, machine.Gpu.Driver.Fault);
    }

    /// <summary>The name of the test.</summary>
    public override string ToString() => Name;
}

/// <summary>A small GPU with two streams, two arrays of zeros and pinned memory.</summary>
sealed unsafe class HostMachine : IDisposable
{
    public const int Count = 32;

    readonly List<CudaEvent> events = [];

    public HostMachine(int? seed)
    {
        Gpu = new SmallGpu(new SimulatedDeviceOptions { Workers = 1, ShuffleSeed = seed });
        (First, Second) = (Gpu.Context.CreateStream(), Gpu.Context.CreateStream());
        (X, Y) = (Gpu.Context.Allocate<uint>(Count), Gpu.Context.Allocate<uint>(Count));
        X.Upload(new uint[Count]);
        Y.Upload(new uint[Count]);
        Pinned = Gpu.Context.AllocatePinned<uint>(Count);
        Pinned.Span.Clear();
    }

    public SmallGpu Gpu { get; }

    public CudaStream First { get; }

    public CudaStream Second { get; }

    public DeviceBuffer<uint> X { get; }

    public DeviceBuffer<uint> Y { get; }

    public PinnedBuffer<uint> Pinned { get; }

    /// <summary>One stream waits for another.</summary>
    public void Follow(CudaStream before, CudaStream behind)
    {
        CudaEvent mark = Gpu.Context.CreateEvent();
        events.Add(mark);
        mark.Record(before);
        behind.Wait(mark);
    }

    public void Upload() => Upload(First, X);

    public void Upload(CudaStream stream, DeviceBuffer<uint> to) => stream.Upload(to, Pinned.Pointer, sizeof(uint) * Count);

    public void Download() => First.Download(Pinned.Pointer, X, sizeof(uint) * Count);

    /// <summary>Changes the last of the pinned numbers behind a copy, or, when that is right, behind its end.</summary>
    public void Change(bool isWrong, Action<HostMachine> copy)
    {
        copy(this);
        if (!isWrong)
            First.Synchronize();
        Pinned.Span[Count - 1]++;
    }

    /// <summary>Frees the pinned memory behind a copy, or, when that is right, behind its end.</summary>
    public void Free(bool isWrong, Action<HostMachine> copy)
    {
        copy(this);
        if (!isWrong)
            First.Synchronize();
        Pinned.Dispose();
    }

    public void Dispose() => Gpu.Dispose();
}
