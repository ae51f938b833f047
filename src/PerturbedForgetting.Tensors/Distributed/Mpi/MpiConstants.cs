namespace PerturbedForgetting.Tensors.Distributed.Mpi;

/// <summary>What the standard leaves to an implementation.</summary>
/// <param name="CommWorld">All processes.</param>
/// <param name="InfoNull">No hints.</param>
/// <param name="Byte">Type of 8 bits without a meaning.</param>
/// <param name="Int32">Signed type of 32 bits.</param>
/// <param name="Int64">Signed type of 64 bits.</param>
/// <param name="Float32">IEEE single precision.</param>
/// <param name="Float64">IEEE double precision.</param>
/// <param name="Sum">Sum.</param>
/// <param name="Min">The smallest.</param>
/// <param name="Max">The largest.</param>
/// <param name="ErrorsReturn">Handler of errors that lets the call return its code.</param>
/// <param name="InPlace">In the place of what is sent: it is what is received into.</param>
/// <param name="StatusIgnore">In the place of a status.</param>
/// <param name="SharedMemory">Type of a split into those that share memory.</param>
sealed record MpiConstants(nint CommWorld, nint InfoNull, nint Byte, nint Int32, nint Int64, nint Float32, nint Float64,
    nint Sum, nint Min, nint Max, nint ErrorsReturn, nint InPlace, nint StatusIgnore, int SharedMemory)
{
    /// <summary>The variable that Open MPI alone exports.</summary>
    public const string OpenMpiMark = "ompi_mpi_comm_world";

    /// <summary>Those of the MPICH family. The type of 64 bits is <c>long long</c>, which Microsoft's has too.</summary>
    public static MpiConstants Mpich { get; } = new(CommWorld: 0x44000000, InfoNull: 0x1c000000, Byte: 0x4c00010d, Int32: 0x4c000405,
        Int64: 0x4c000809, Float32: 0x4c00040a, Float64: 0x4c00080b, Sum: 0x58000003, Min: 0x58000002, Max: 0x58000001,
        ErrorsReturn: 0x54000001, InPlace: -1, StatusIgnore: 1, SharedMemory: 1);

    /// <summary>Those of Open MPI: addresses of its variables.</summary>
    /// <param name="export">Address of an export; 0 stands for one that is missing.</param>
    /// <param name="missing">Receives the exports that are missing.</param>
    public static MpiConstants OpenMpi(Func<string, nint> export, List<string> missing)
    {
        return new(Of(OpenMpiMark), Of("ompi_mpi_info_null"), Of("ompi_mpi_byte"), Of("ompi_mpi_int"), Of("ompi_mpi_long_long_int"),
            Of("ompi_mpi_float"), Of("ompi_mpi_double"), Of("ompi_mpi_op_sum"), Of("ompi_mpi_op_min"), Of("ompi_mpi_op_max"),
            Of("ompi_mpi_errors_return"), InPlace: 1, StatusIgnore: 0, SharedMemory: 0);

        nint Of(string name)
        {
            nint address = export(name);
            if (address == 0)
                missing.Add(name);
            return address;
        }
    }

    /// <summary>The type of an element.</summary>
    public nint TypeOf(DType type) => type switch
    {
        DType.Float32 => Float32,
        DType.Float64 => Float64,
        DType.Int32 => Int32,
        DType.Int64 => Int64,
        _ => Byte,
    };
}
