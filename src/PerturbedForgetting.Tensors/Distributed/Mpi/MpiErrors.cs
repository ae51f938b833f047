namespace PerturbedForgetting.Tensors.Distributed.Mpi;

/// <summary>Classes of errors: their names in the standard, and what a user can do about each.</summary>
static class MpiErrors
{
    // The standard has the names, each family numbers of its own.
    static readonly string[] openMpi =
    [
        "SUCCESS", "BUFFER", "COUNT", "TYPE", "TAG", "COMM", "RANK", "REQUEST", "ROOT", "GROUP", "OP", "TOPOLOGY", "DIMS", "ARG",
        "UNKNOWN", "TRUNCATE", "OTHER", "INTERN", "IN_STATUS", "PENDING",
    ];

    static readonly string[] mpich =
    [
        "SUCCESS", "BUFFER", "COUNT", "TYPE", "TAG", "COMM", "RANK", "ROOT", "GROUP", "OP", "TOPOLOGY", "DIMS", "ARG", "UNKNOWN",
        "TRUNCATE", "OTHER", "INTERN", "IN_STATUS", "PENDING", "REQUEST",
    ];

    const int OpenMpiNoMemory = 39, MpichNoMemory = 34;

    /// <summary>Name of a class: <c>MPI_ERR_COMM</c>; <c>MPI_ERR</c> for one that is not known.</summary>
    public static string NameOf(MpiFamily family, int errorClass)
    {
        string[] names = family == MpiFamily.OpenMpi ? openMpi : mpich;
        return errorClass == (family == MpiFamily.OpenMpi ? OpenMpiNoMemory : MpichNoMemory) ? "MPI_ERR_NO_MEM"
            : errorClass > 0 && errorClass < names.Length ? "MPI_ERR_" + names[errorClass]
            : "MPI_ERR";
    }

    /// <summary>What a user can do about a class; empty when nothing is known.</summary>
    public static string RemedyFor(string name) => name switch
    {
        "MPI_ERR_BUFFER" or "MPI_ERR_TYPE" or "MPI_ERR_TAG" or "MPI_ERR_COMM" or "MPI_ERR_RANK" or "MPI_ERR_ROOT" or "MPI_ERR_GROUP"
            or "MPI_ERR_OP" or "MPI_ERR_ARG" or "MPI_ERR_REQUEST" => "An argument is wrong; this is a fault of the caller.",
        "MPI_ERR_COUNT" or "MPI_ERR_TRUNCATE" =>
            "The processes do not make the same calls with tensors of the same size: start all with the same options and the same program.",
        "MPI_ERR_NO_MEM" => "The machine has no memory left: start fewer processes on it, or use a smaller batch.",
        "MPI_ERR_OTHER" or "MPI_ERR_INTERN" or "MPI_ERR_UNKNOWN" or "MPI_ERR_IN_STATUS" or "MPI_ERR_PENDING" or "MPI_ERR" =>
            "A process may have ended, or the network failed: look at what the launcher says, and resume from the last checkpoint.",
        _ => "",
    };
}
