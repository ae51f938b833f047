using System.Runtime.InteropServices;

namespace PerturbedForgetting.Tensors.Distributed.Mpi;

/// <summary>
/// The entry points of MPI: unmanaged function pointers and nothing else, all of MPI 3.0 (2012). A handle is a pointer in one family and an
/// <c>int</c> in the other; as an argument both are a pointer-sized integer, of which the callee reads what it needs, and one that is
/// returned is written to a pointer-sized integer of zeros. Counts are <c>int</c>. All return an error code, 0 for success. A field is
/// called like its export, without <c>MPI_</c>.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
unsafe struct MpiTable
{
    /// <summary>The export of each field, in the order of the fields.</summary>
    public static string[] Exports { get; } =
    [
        "MPI_Get_library_version", "MPI_Initialized", "MPI_Finalized", "MPI_Init_thread", "MPI_Finalize", "MPI_Error_class",
        "MPI_Error_string", "MPI_Get_processor_name", "MPI_Comm_set_errhandler", "MPI_Comm_rank", "MPI_Comm_size", "MPI_Comm_split",
        "MPI_Comm_split_type", "MPI_Comm_free", "MPI_Ibarrier", "MPI_Test", "MPI_Allreduce", "MPI_Bcast", "MPI_Allgather", "MPI_Alltoall",
    ];

    /// <summary>(text, length)</summary>
    public delegate* unmanaged<byte*, int*, int> Get_library_version;
    /// <summary>(flag)</summary>
    public delegate* unmanaged<int*, int> Initialized;
    /// <summary>(flag)</summary>
    public delegate* unmanaged<int*, int> Finalized;
    /// <summary>(argc, argv, required, provided)</summary>
    public delegate* unmanaged<int*, byte***, int, int*, int> Init_thread;
    /// <summary>()</summary>
    public delegate* unmanaged<int> Finalize;
    /// <summary>(code, class)</summary>
    public delegate* unmanaged<int, int*, int> Error_class;
    /// <summary>(code, text, length)</summary>
    public delegate* unmanaged<int, byte*, int*, int> Error_string;
    /// <summary>(text, length)</summary>
    public delegate* unmanaged<byte*, int*, int> Get_processor_name;
    /// <summary>(comm, handler)</summary>
    public delegate* unmanaged<nint, nint, int> Comm_set_errhandler;
    /// <summary>(comm, rank)</summary>
    public delegate* unmanaged<nint, int*, int> Comm_rank;
    /// <summary>(comm, size)</summary>
    public delegate* unmanaged<nint, int*, int> Comm_size;
    /// <summary>(comm, color, key, new comm)</summary>
    public delegate* unmanaged<nint, int, int, nint*, int> Comm_split;
    /// <summary>(comm, type, key, info, new comm)</summary>
    public delegate* unmanaged<nint, int, int, nint, nint*, int> Comm_split_type;
    /// <summary>(comm)</summary>
    public delegate* unmanaged<nint*, int> Comm_free;
    /// <summary>(comm, request)</summary>
    public delegate* unmanaged<nint, nint*, int> Ibarrier;
    /// <summary>(request, flag, status)</summary>
    public delegate* unmanaged<nint*, int*, nint, int> Test;
    /// <summary>(send, receive, count, type, operation, comm)</summary>
    public delegate* unmanaged<nint, nint, int, nint, nint, nint, int> Allreduce;
    /// <summary>(buffer, count, type, root, comm)</summary>
    public delegate* unmanaged<nint, int, nint, int, nint, int> Bcast;
    /// <summary>(send, count, type, receive, count, type, comm)</summary>
    public delegate* unmanaged<nint, int, nint, nint, int, nint, nint, int> Allgather;
    /// <summary>(send, count, type, receive, count, type, comm); counts for each member</summary>
    public delegate* unmanaged<nint, int, nint, nint, int, nint, nint, int> Alltoall;
}
