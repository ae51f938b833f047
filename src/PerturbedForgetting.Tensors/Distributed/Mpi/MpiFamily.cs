namespace PerturbedForgetting.Tensors.Distributed.Mpi;

/// <summary>Implementations of MPI that are called alike: with the same values for what the standard leaves open.</summary>
public enum MpiFamily
{
    /// <summary>Open MPI and what is made from it; handles are addresses.</summary>
    OpenMpi,

    /// <summary>MPICH, Intel MPI, MVAPICH, Cray MPICH, Microsoft MPI; handles are numbers.</summary>
    Mpich,
}

/// <summary>Names of the families.</summary>
public static class MpiFamilies
{
    /// <summary>For people.</summary>
    public static string Title(this MpiFamily family) => family == MpiFamily.OpenMpi ? "Open MPI" : "MPICH family";
}
