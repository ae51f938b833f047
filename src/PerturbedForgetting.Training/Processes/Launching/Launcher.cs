namespace PerturbedForgetting.Training.Processes.Launching;

/// <summary>What starts processes, and tells each who it is.</summary>
enum Launcher
{
    /// <summary>The first process itself, for <c>--gpus</c>.</summary>
    First,

    /// <summary>PyTorch's: RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR, MASTER_PORT, of which an agent of its own holds the last.</summary>
    Torchrun,

    /// <summary>mpirun of Open MPI.</summary>
    OpenMpi,

    /// <summary>mpirun of the MPICH family: hydra, also Intel's, and mpiexec of MS-MPI.</summary>
    Mpich,

    /// <summary>srun of Slurm.</summary>
    Slurm,

    /// <summary>Whoever sets RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT.</summary>
    Environment,
}
