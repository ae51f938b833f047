using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda.Driver;

namespace PerturbedForgetting.Simulator.Driver;

/// <summary>Entry points for captures and graphs.</summary>
static unsafe class GraphEntries
{
    // Flags of cuGraphInstantiateWithFlags.
    const ulong KnownFlags = 1 | 2 | 8;

    [UnmanagedCallersOnly]
    public static CudaResult StreamBeginCapture(nint stream, CudaCaptureMode mode) => Entry.Run(context =>
        context.Captures.Begin(Entry.Stream(context, stream), mode));

    [UnmanagedCallersOnly]
    public static CudaResult StreamEndCapture(nint stream, nint* graph) => Entry.Run(context =>
    {
        Entry.NotNull(graph, "graph");
        *graph = 0;
        *graph = context.Register(context.Captures.End(Entry.Stream(context, stream)));
    });

    [UnmanagedCallersOnly]
    public static CudaResult GraphGetNodes(nint graph, nint* nodes, nuint* count) => Entry.Run(_ =>
    {
        Entry.NotNull(count, "count");
        IReadOnlyList<nint> handles = Graph(graph).NodeHandles;
        if (nodes is not null)
        {
            for (int i = 0; i < handles.Count && (nuint)i < *count; i++)
                nodes[i] = handles[i];
        }
        *count = (nuint)handles.Count;
    });

    [UnmanagedCallersOnly]
    public static CudaResult GraphInstantiate(nint* executable, nint graph, ulong flags) => Entry.Run(context =>
    {
        Entry.NotNull(executable, "executable");
        if ((flags & ~KnownFlags) != 0)
            throw SimulatedError.InvalidValue($"0x{flags:x} has flags that the software GPU does not know");
        *executable = context.Register(new SimulatedGraphExecutable(context, Graph(graph)));
    });

    [UnmanagedCallersOnly]
    public static CudaResult GraphLaunch(nint executable, nint stream) => Entry.Run(context =>
        Executable(executable).Launch(Entry.Stream(context, stream)));

    [UnmanagedCallersOnly]
    public static CudaResult GraphExecDestroy(nint executable) => Entry.Run(context =>
    {
        SimulatedGraphExecutable found = Executable(executable);
        found.Dispose();
        context.Unregister(executable, found);
    });

    [UnmanagedCallersOnly]
    public static CudaResult GraphDestroy(nint graph) => Entry.Run(context => context.Unregister(graph, Graph(graph)));

    static SimulatedGraph Graph(nint handle) => Entry.Object<SimulatedGraph>(handle, "graph");

    static SimulatedGraphExecutable Executable(nint handle) => Entry.Object<SimulatedGraphExecutable>(handle, "instantiated graph");
}
