using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda.Blas;
using PerturbedForgetting.Cuda.Libraries;
using PerturbedForgetting.Simulator.Driver;

namespace PerturbedForgetting.Simulator.Libraries;

/// <summary>cuBLASLt of the software GPU: handles, descriptions, layouts and preferences, with the checks of the real one (cuBLAS
/// documentation, "Using the cuBLASLt API"). The products are in <see cref="SimulatedMatmul"/>.</summary>
sealed unsafe class SimulatedCublasLt
{
    // Held so that the pointer made of it stays valid.
    readonly VersionFunction number;

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    delegate nuint VersionFunction();

    /// <summary>Makes the library.</summary>
    /// <param name="version">The version it says it has; null when there is to be none.</param>
    public SimulatedCublasLt(Version? version)
    {
        number = () => PackedVersion.Number(version!, CublasLtApi.FiveDigits);
        Api = version is null
            ? CublasLtApi.Absent("the software GPU was made without it")
            : new() { Entries = Table(), Origin = SimulatedDriver.Name };
    }

    /// <summary>The table of entry points.</summary>
    public CublasLtApi Api { get; }

    static LibraryEntry<CublasStatus> Entry => SimulatedBlas.LtEntry;

    CublasLtTable Table() => new()
    {
        Create = &Create,
        Destroy = &Destroy,
        GetVersion = (delegate* unmanaged<nuint>)Marshal.GetFunctionPointerForDelegate(number),
        MatmulDescCreate = &MatmulDescCreate,
        MatmulDescDestroy = &MatmulDescDestroy,
        MatmulDescSetAttribute = &MatmulDescSetAttribute,
        MatrixLayoutCreate = &MatrixLayoutCreate,
        MatrixLayoutDestroy = &MatrixLayoutDestroy,
        MatmulPreferenceCreate = &MatmulPreferenceCreate,
        MatmulPreferenceDestroy = &MatmulPreferenceDestroy,
        MatmulPreferenceSetAttribute = &MatmulPreferenceSetAttribute,
        MatmulAlgoGetHeuristic = &SimulatedMatmul.MatmulAlgoGetHeuristic,
        Matmul = &SimulatedMatmul.Matmul,
    };

    /// <summary>The object behind a descriptor.</summary>
    public static T Find<T>(nint handle, string what) where T : class =>
        LibraryEntry<CublasStatus>.Object<T>(handle, what, CublasStatus.InvalidValue);

    /// <summary>Checks a handle of the library.</summary>
    public static CublasLtHandle FindHandle(SimulatedContext context, nint handle) => LibraryEntry<CublasStatus>.Handle<CublasLtHandle>(
        context, handle, CudaLibrary.CublasLt, unknown: CublasStatus.NotInitialized, foreign: CublasStatus.NotInitialized);

    [UnmanagedCallersOnly]
    static CublasStatus Create(nint* handle) => Entry.Run(context =>
    {
        SimulatedBlas.Require(handle is not null, "the handle's place is null");
        context.Captures.RefuseUnsafe("creating a cuBLASLt handle");
        *handle = context.Register(new CublasLtHandle(context));
    });

    [UnmanagedCallersOnly]
    static CublasStatus Destroy(nint handle) => Entry.Run(context => context.Unregister(handle, FindHandle(context, handle)));

    [UnmanagedCallersOnly]
    static CublasStatus MatmulDescCreate(nint* description, CublasComputeType compute, CudaDataType scale) => Make(description, () =>
    {
        SimulatedBlas.RequireCompute(compute, scale);
        return new MatmulDescription(compute);
    });

    [UnmanagedCallersOnly]
    static CublasStatus MatmulDescDestroy(nint description) => Remove<MatmulDescription>(description);

    [UnmanagedCallersOnly]
    static CublasStatus MatmulDescSetAttribute(nint description, CublasLtMatmulAttribute attribute, void* value, nuint bytes) =>
        Entry.Free(() =>
    {
        MatmulDescription found = Find<MatmulDescription>(description, "description of a product");
        switch (attribute)
        {
            case CublasLtMatmulAttribute.TransposeA:
                SimulatedBlas
                .RequireOperation(found.TransposeA = Value<CublasOperation>(value, bytes)); break;
            case CublasLtMatmulAttribute.TransposeB:
                SimulatedBlas
                .RequireOperation(found.TransposeB = Value<CublasOperation>(value, bytes)); break;
            case CublasLtMatmulAttribute.Epilogue: found.Epilogue = Value<CublasLtEpilogue>(value, bytes); break;
            case CublasLtMatmulAttribute.BiasPointer: found.Bias = Value<ulong>(value, bytes); break;
            default:
                throw SimulatedBlas.Refuse(CublasStatus.InvalidValue,
                $"the software GPU knows no attribute {(int)attribute} of a product");
        }
    });

    [UnmanagedCallersOnly]
    static CublasStatus MatrixLayoutCreate(nint* layout, CudaDataType type, ulong rows, ulong columns, long leading) =>
        Make(layout, () => new MatrixLayout(type, checked((long)rows), checked((long)columns), leading));

    [UnmanagedCallersOnly]
    static CublasStatus MatrixLayoutDestroy(nint layout) => Remove<MatrixLayout>(layout);

    [UnmanagedCallersOnly]
    static CublasStatus MatmulPreferenceCreate(nint* preference) => Make(preference, static () => new MatmulPreference());

    [UnmanagedCallersOnly]
    static CublasStatus MatmulPreferenceDestroy(nint preference) => Remove<MatmulPreference>(preference);

    [UnmanagedCallersOnly]
    static CublasStatus MatmulPreferenceSetAttribute(nint preference, CublasLtPreferenceAttribute attribute, void* value, nuint bytes) =>
        Entry.Free(() =>
    {
        MatmulPreference found = Find<MatmulPreference>(preference, "preference");
        switch (attribute)
        {
            case CublasLtPreferenceAttribute.MaxWorkspaceBytes: found.MaxWorkspaceBytes = Value<ulong>(value, bytes); break;
            case CublasLtPreferenceAttribute.ReductionSchemeMask: found.Reductions = Value<CublasLtReduction>(value, bytes); break;
            case >= CublasLtPreferenceAttribute.MinAlignmentA and <= CublasLtPreferenceAttribute.MinAlignmentD:
                found.Alignments[attribute - CublasLtPreferenceAttribute.MinAlignmentA] = Value<uint>(value, bytes);
                break;
            default:
                throw SimulatedBlas.Refuse(CublasStatus.InvalidValue,
                $"the software GPU knows no attribute {(int)attribute} of a preference");
        }
    });

    static CublasStatus Make(nint* place, Func<object> make, [CallerMemberName] string call = "") => Entry.Free(() =>
    {
        SimulatedBlas.Require(place is not null, "the place of what is made is null");
        *place = Handles.Add(make());
    }, call);

    static CublasStatus Remove<T>(nint handle, [CallerMemberName] string call = "") where T : class => Entry.Free(() =>
    {
        Find<T>(handle, typeof(T).Name);
        Handles.Remove(handle);
    }, call);

    static T Value<T>(void* value, nuint bytes) where T : unmanaged
    {
        SimulatedBlas.Require(value is not null && bytes == (nuint)sizeof(T),
            $"the attribute has {sizeof(T)} bytes; {(value is null ? "none" : bytes)} are given");
        return *(T*)value;
    }
}

/// <summary>A handle of cuBLASLt.</summary>
sealed class CublasLtHandle(SimulatedContext context) : LibraryHandle(context);

/// <summary>How a product is to be computed.</summary>
sealed class MatmulDescription(CublasComputeType compute)
{
    public CublasComputeType Compute => compute;

    public CublasOperation TransposeA { get; set; }

    public CublasOperation TransposeB { get; set; }

    public CublasLtEpilogue Epilogue { get; set; } = CublasLtEpilogue.Default;

    public ulong Bias { get; set; }
}

/// <summary>Type, size and leading dimension of a matrix.</summary>
sealed record MatrixLayout(CudaDataType Type, long Rows, long Columns, long Leading);

/// <summary>What an algorithm may need; as long as it is not set, no workspace, and addresses aligned to 256 bytes.</summary>
sealed class MatmulPreference
{
    public ulong MaxWorkspaceBytes { get; set; }

    public CublasLtReduction Reductions { get; set; } =
        CublasLtReduction.InPlace | CublasLtReduction.ComputeType | CublasLtReduction.OutputType;

    /// <summary>Of A, B, C and D.</summary>
    public uint[] Alignments { get; } = [256, 256, 256, 256];
}
