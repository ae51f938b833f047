using PerturbedForgetting.Simulator.Ptx;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>A variable with its place: an address in its state space (an offset for shared, local and param).</summary>
readonly record struct Symbol(StateSpace Space, ulong Address, long Size);

/// <summary>Places of a kernel's variables: module variables by their device address, shared and local ones laid out here.</summary>
sealed class Symbols
{
    // What the assembler of the real devices allows.
    const int MaximumShared = 48 << 10, MaximumLocal = 512 << 10, MaximumParameters = 4352;

    readonly PtxModule source;
    readonly Dictionary<string, Symbol> module = [];
    int sharedEnd;
    bool usesDynamicShared;

    /// <param name="source">The module.</param>
    /// <param name="kernel">The kernel.</param>
    /// <param name="globals">Device addresses of the module's global and const variables.</param>
    public Symbols(PtxModule source, PtxFunction kernel, IReadOnlyDictionary<string, ulong> globals)
    {
        this.source = source;
        CheckParameters(kernel);
        foreach (PtxVariable v in source.Variables)
        {
            if (v.Space != StateSpace.Shared)
                module[v.Name] = new Symbol(v.Space, globals[v.Name], v.Size);
            else if (!v.IsExternal)
                module[v.Name] = ReserveShared(v);
        }
        // Statically declared shared memory of device functions counts for every kernel, as for a compiler that cannot see which are
        // called.
        Kernel = Layout(kernel);
        foreach (PtxFunction function in source.Functions.Where(f => !f.IsEntry && !f.IsExternal))
            Functions[function.Name] = Layout(function);
        foreach (PtxVariable v in source.Variables.Where(v => v.Space == StateSpace.Shared && v.IsExternal))
            module[v.Name] = new Symbol(StateSpace.Shared, (ulong)DynamicSharedOffset, 0);
    }

    /// <summary>Variables of the kernel's body.</summary>
    public Dictionary<string, Symbol> Kernel { get; }

    /// <summary>Variables of each device function's body.</summary>
    public Dictionary<string, Dictionary<string, Symbol>> Functions { get; } = [];

    /// <summary>Bytes of statically declared shared memory; in a kernel whose code has named dynamic shared memory, as far as to where
    /// that begins, as the assembler of the real devices counts.</summary>
    public int SharedBytes => usesDynamicShared ? DynamicSharedOffset : sharedEnd;

    /// <summary>Where dynamic shared memory begins.</summary>
    int DynamicSharedOffset => (sharedEnd + 15) & ~15;

    /// <summary>Bytes of local memory of a thread.</summary>
    public int LocalBytes { get; private set; }

    public bool TryFindInModule(string name, out Symbol symbol)
    {
        bool isFound = module.TryGetValue(name, out symbol);
        usesDynamicShared |= isFound && symbol is { Space: StateSpace.Shared, Size: 0 };
        return isFound;
    }

    /// <summary>Lays out the parameters of a kernel one behind the other, each aligned as declared.</summary>
    public static (int Offset, int Size)[] Parameters(PtxFunction kernel, out int bytes)
    {
        var places = new (int Offset, int Size)[kernel.Parameters.Count];
        bytes = 0;
        for (int i = 0; i < places.Length; i++)
        {
            PtxVariable p = kernel.Parameters[i];
            int offset = (bytes + p.Alignment - 1) & -p.Alignment;
            places[i] = (offset, (int)p.Size);
            bytes = offset + (int)p.Size;
        }
        return places;
    }

    Dictionary<string, Symbol> Layout(PtxFunction function)
    {
        Dictionary<string, Symbol> places = [];
        foreach (PtxVariable v in function.Variables)
            places[v.Name] = v.Space == StateSpace.Shared ? ReserveShared(v) : ReserveLocal(v);
        // Parameters of a device function live with the caller; its results may be written before they are read there.
        foreach (PtxVariable v in function.IsEntry ? [] : function.Parameters.Concat(function.Results))
            places[v.Name] = ReserveLocal(v);
        return places;
    }

    Symbol ReserveShared(PtxVariable v)
    {
        int offset = Next(v, sharedEnd, MaximumShared, "shared memory");
        sharedEnd = offset + (int)v.Size;
        return new Symbol(StateSpace.Shared, (ulong)offset, v.Size);
    }

    Symbol ReserveLocal(PtxVariable v)
    {
        int offset = Next(v, LocalBytes, MaximumLocal, "local memory");
        LocalBytes = offset + (int)v.Size;
        return new Symbol(StateSpace.Local, (ulong)offset, v.Size);
    }

    void CheckParameters(PtxFunction kernel)
    {
        int bytes = 0;
        foreach (PtxVariable p in kernel.Parameters)
            bytes = Next(p, bytes, MaximumParameters, "parameters") + (int)p.Size;
    }

    int Next(PtxVariable v, int used, int limit, string what)
    {
        int offset = (used + v.Alignment - 1) & -v.Alignment;
        return v.Size <= limit - offset
            ? offset
            : throw new PtxException(source.Name, v.Location.Line,
                $"{v.Name} has {v.Size} bytes, but {used} of {limit} bytes of {what} are in use");
    }
}
