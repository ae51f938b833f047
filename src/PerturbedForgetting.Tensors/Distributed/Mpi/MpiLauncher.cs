using System.Globalization;

namespace PerturbedForgetting.Tensors.Distributed.Mpi;

/// <summary>A program that started this process as one of several which MPI connects, told by the variables that it leaves.</summary>
/// <param name="Name">For people: <c>mpirun of Open MPI</c>.</param>
/// <param name="Families">Libraries that it can connect, the likeliest first.</param>
/// <param name="Size">How many processes it started; null where it does not tell.</param>
public sealed record MpiLauncher(string Name, IReadOnlyList<MpiFamily> Families, int? Size)
{
    /// <summary>What started this process; null where it was none that MPI knows.</summary>
    public static MpiLauncher? Current { get; } = Recognise(Environment.GetEnvironmentVariable);

    /// <summary>What started a process with these variables.</summary>
    /// <param name="variable">An environment variable; null or empty when it is not set.</param>
    public static MpiLauncher? Recognise(Func<string, string?> variable)
    {
        // A launcher within a job of Slurm leaves that job's variables too, so they come last.
        bool isSlurm = Has("SLURM_PROCID");
        if (Has("OMPI_COMM_WORLD_RANK"))
            return new("mpirun of Open MPI", [MpiFamily.OpenMpi], Number("OMPI_COMM_WORLD_SIZE"));
        if (Has("MV2_COMM_WORLD_RANK"))
            return new("mpirun of MVAPICH", [MpiFamily.Mpich], Number("MV2_COMM_WORLD_SIZE"));
        if (Has("PMI_RANK") || (Has("PMI_ID") && Has("PMI_PORT")))
            return isSlurm
                ? new("srun with PMI", [MpiFamily.Mpich, MpiFamily.OpenMpi], Number("PMI_SIZE") ?? OfSlurm())
                : new(Has("I_MPI_ROOT") ? "mpiexec of Intel MPI" : "mpiexec of the MPICH family", [MpiFamily.Mpich], Number("PMI_SIZE"));
        if (Has("PALS_RANKID"))
            return new("mpiexec of PALS", [MpiFamily.Mpich], null);
        if (Has("PMIX_RANK"))
            return new(isSlurm ? "srun with PMIx" : "a launcher with PMIx", [MpiFamily.OpenMpi, MpiFamily.Mpich],
                isSlurm ? OfSlurm() : null);
        return null;

        bool Has(string name) => !string.IsNullOrEmpty(variable(name));

        int? OfSlurm() => Number("SLURM_STEP_NUM_TASKS") ?? Number("SLURM_NTASKS");

        int? Number(string name) =>
            int.TryParse(variable(name), NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number > 0 ? number : null;
    }
}
