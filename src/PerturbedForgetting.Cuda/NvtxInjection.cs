using System.Runtime.InteropServices;

namespace PerturbedForgetting.Cuda;

/// <summary>
/// The program's half of NVTX 3. C programs get it from NVIDIA's header: at the first range the library that the profiler named in
/// <see cref="Variable"/> is loaded and its <see cref="EntryPoint"/> called with a function that gives tables; the profiler asks the
/// table for the addresses of slots, and puts its functions into them (NVTX 3, <c>nvtxDetail/nvtxInit.h</c>, <c>nvtxTypes.h</c>).
/// </summary>
static unsafe class NvtxInjection
{
    /// <summary>Environment variable by which a profiler names its library to the programs that it starts.</summary>
    public const string Variable = "NVTX_INJECTION64_PATH";

    /// <summary>What that library exports.</summary>
    public const string EntryPoint = "InitializeInjectionNvtx2";

    // Numbers of the functions in the core table.
    const int RangePushA = 9, RangePop = 11;

    const int Callbacks = 1, VersionInfo = 3, Core = 1, Core2 = 5, Entries = 16;

    static readonly Lock gate = new();

    // Profilers keep these addresses, so that they stay for the life of the process.
    static readonly CallbackTable* callbacks = Tables();
    static readonly VersionTable* version = (VersionTable*)(callbacks + 1);

    // Addresses of the slots that the profiler now being attached is to fill.
    static nint** core, core2;

    /// <summary>Calls the entry point of a profiler's library: the slots of the functions that are called here, which it filled as it
    /// pleased; null when there is no entry point or it refused.</summary>
    public static NvtxTable* Attach(nint entryPoint)
    {
        if (entryPoint == 0)
            return null;
        lock (gate)
        {
            var called = (NvtxTable*)NativeMemory.AllocZeroed((nuint)sizeof(NvtxTable));
            core = Table();
            core2 = Table();
            core[RangePushA] = (nint*)&called->RangePushA;
            core[RangePop] = (nint*)&called->RangePop;
            return ((delegate* unmanaged<delegate* unmanaged<uint, void*>, int>)entryPoint)(&ExportTable) != 0 ? called : null;
        }
    }

    static CallbackTable* Tables()
    {
        var made = (CallbackTable*)NativeMemory.AllocZeroed((nuint)(sizeof(CallbackTable) + sizeof(VersionTable)));
        *made = new CallbackTable { Bytes = (nuint)sizeof(CallbackTable), ModuleTable = &ModuleTable };
        *(VersionTable*)(made + 1) = new VersionTable { Bytes = (nuint)sizeof(VersionTable), Version = 3, SetVersion = &SetVersion };
        return made;
    }

    // Addresses of slots by the number of the function: the first entry is none, and one more closes the table.
    static nint** Table()
    {
        var table = (nint**)NativeMemory.AllocZeroed(Entries + 1, (nuint)sizeof(nint*));
        var slots = (nint*)NativeMemory.AllocZeroed(Entries, (nuint)sizeof(nint));
        for (int i = 1; i < Entries; i++)
            table[i] = slots + i;
        return table;
    }

    [UnmanagedCallersOnly]
    static void* ExportTable(uint id) => id switch
    {
        Callbacks => callbacks,
        VersionInfo => version,
        _ => null,
    };

    [UnmanagedCallersOnly]
    static int ModuleTable(int module, nint*** table, uint* size)
    {
        nint** found = module switch
        {
            Core => core,
            Core2 => core2,
            _ => null,
        };
        if (found is null)
            return 0;
        if (table is not null)
            *table = found;
        if (size is not null)
            *size = Entries;
        return 1;
    }

    // A profiler tells the version that it knows; the functions used here are in all.
    [UnmanagedCallersOnly]
    static void SetVersion(uint known)
    {
    }

    struct CallbackTable
    {
        public nuint Bytes;
        public delegate* unmanaged<int, nint***, uint*, int> ModuleTable;
    }

    struct VersionTable
    {
        public nuint Bytes;
        // Four bytes of padding follow the version.
        public uint Version;
        public delegate* unmanaged<uint, void> SetVersion;
    }
}
