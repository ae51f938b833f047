using System.Collections.Concurrent;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

/// <summary>Hands ranges on to the profiler that listens to NVTX.</summary>
sealed class NvtxRanges(Nvtx nvtx) : IRangeListener
{
    readonly ConcurrentDictionary<string, NvtxName> names = new(StringComparer.Ordinal);

    public void Push(RangeKind kind, string name) => nvtx.Push(names.GetOrAdd(name, static n => new NvtxName(n)));

    public void Pop() => nvtx.Pop();
}
