using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda.Libraries;

namespace PerturbedForgetting.Cuda;

/// <summary>Named ranges in the timeline of a profiler such as Nsight Systems. Ranges nest, on each thread for itself. Where no
/// profiler listens nothing is called and nothing is encoded.</summary>
public sealed unsafe class Nvtx
{
    static readonly Lazy<Nvtx> installed = new(() => Load(Environment.GetEnvironmentVariable, LibrarySearch.Open));

    // At a place where the profiler puts its functions and may replace them; null where it does not listen.
    readonly NvtxTable* table;

    Nvtx(NvtxTable* table, string origin, bool isSupported)
    {
        this.table = table;
        (Origin, IsSupported) = (origin, isSupported);
    }

    /// <summary>What this machine has: the profiler that started the process, else NVIDIA's library. Looked for once; never
    /// throws.</summary>
    public static Nvtx Installed => installed.Value;

    /// <summary>Ranges that nobody sees.</summary>
    public static Nvtx None { get; } = Absent("not asked for");

    /// <summary>Whether ranges go somewhere.</summary>
    public bool IsSupported { get; }

    /// <summary>Where they go: the path of the profiler's library or of NVIDIA's, or why nowhere.</summary>
    public string Origin { get; }

    /// <summary>Begins a range.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Push(NvtxName name)
    {
        if (table->RangePushA is null)
            return;
        fixed (byte* first = name.Utf8)
            table->RangePushA(first);
    }

    /// <summary>Ends the innermost range of this thread.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Pop()
    {
        if (table->RangePop is not null)
            table->RangePop();
    }

    /// <summary>What a machine with these variables and libraries has.</summary>
    internal static Nvtx Load(Func<string, string?> variable, Func<CudaLibrary, LibraryReport> open)
    {
        // The search knows the variable that hides NVTX; it hides the profiler too.
        LibraryReport report = open(CudaLibrary.Nvtx);
        if (report.State != LibraryState.Hidden && variable(NvtxInjection.Variable) is { Length: > 0 } profiler
            && NativeLibrary.TryLoad(profiler, out nint library) && FromProfiler(NativeTable.ExportsOf(library), profiler) is { } attached)
            return attached;
        return report.Handle == 0 ? Absent(report.Origin) : From(NativeTable.ExportsOf(report.Handle), report.Origin);
    }

    /// <summary>The functions of a library with these exports; 0 stands for one that is missing.</summary>
    internal static Nvtx From(Func<string, nint> export, string origin)
    {
        NvtxTable* table = Table();
        return NativeTable.Fill(ref *table, export, isSupported: true).Count == 0
            ? new(table, origin, isSupported: true)
            : Absent($"{origin} lacks {string.Join(" or ", NvtxTable.Exports)}");
    }

    /// <summary>Attaches a profiler's library with these exports; null when it does not want to.</summary>
    internal static Nvtx? FromProfiler(Func<string, nint> export, string origin)
    {
        NvtxTable* table = NvtxInjection.Attach(export(NvtxInjection.EntryPoint));
        return table is null ? null : new(table, origin, isSupported: true);
    }

    static Nvtx Absent(string reason) => new(Table(), reason, isSupported: false);

    // For the life of the process, as ranges are pushed until its end.
    static NvtxTable* Table() => (NvtxTable*)NativeMemory.AllocZeroed((nuint)sizeof(NvtxTable));
}
