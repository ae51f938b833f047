using PerturbedForgetting.Tensors.Distributed.Mpi;

namespace PerturbedForgetting.Tests.Tensors.Distributed.Mpi;

/// <summary>What started a process, by its variables; and the names of libraries.</summary>
sealed class MpiLauncherTests
{
    [TestCase("", null, null)]
    [TestCase("SLURM_PROCID=0 SLURM_NTASKS=4 RANK=0 WORLD_SIZE=4", null, null)]
    [TestCase("OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=4 PMIX_RANK=1 SLURM_PROCID=0 SLURM_NTASKS=2", "mpirun of Open MPI", 4)]
    [TestCase("PMI_RANK=0 PMI_SIZE=3 PMI_FD=5", "mpiexec of the MPICH family", 3)]
    [TestCase("PMI_ID=0 PMI_PORT=host:77", "mpiexec of the MPICH family", null)]
    [TestCase("PMI_RANK=0 PMI_SIZE=3 I_MPI_ROOT=/opt/intel/mpi", "mpiexec of Intel MPI", 3)]
    [TestCase("PMI_RANK=0 PMI_SIZE=3 SLURM_PROCID=0 SLURM_NTASKS=3", "srun with PMI", 3)]
    [TestCase("PMIX_RANK=0 SLURM_PROCID=0 SLURM_NTASKS=8 SLURM_STEP_NUM_TASKS=6", "srun with PMIx", 6)]
    [TestCase("MV2_COMM_WORLD_RANK=0 MV2_COMM_WORLD_SIZE=2", "mpirun of MVAPICH", 2)]
    [TestCase("PMI_RANK= PMI_SIZE=3", null, null)]
    [TestCase("PMI_RANK=0 PMI_SIZE=-3", "mpiexec of the MPICH family", null)]
    public void VariablesTellTheLauncher(string variables, string? name, int? size)
    {
        Dictionary<string, string> set = variables.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(each => each.Split('='))
            .ToDictionary(pair => pair[0], pair => pair[1]);
        MpiLauncher? launcher = MpiLauncher.Recognise(set.GetValueOrDefault);
        Assert.That((launcher?.Name, launcher?.Size), Is.EqualTo((name, size)));
    }

    [TestCase("Open MPI v4.1.4, package: Debian OpenMPI, ident: 4.1.4, repo rev: v4.1.4, May 26, 2022", "Open MPI 4.1.4")]
    [TestCase("MPICH Version:\t4.0.2\nMPICH Release date:\tThu Apr  7 12:34:45 CDT 2022\n", "MPICH 4.0.2")]
    [TestCase("MVAPICH2 Version      :\t2.3.7\nMVAPICH2 Release date : Wed March 02 22:00:00 EST 2022\n", "MVAPICH2 2.3.7")]
    [TestCase("Intel(R) MPI Library 2021.9 for Linux* OS\n", "Intel(R) MPI Library 2021.9")]
    [TestCase("Microsoft MPI 10.1.12498.18", "Microsoft MPI 10.1.12498.18")]
    [TestCase("MPI VERSION    : CRAY MPICH version 8.1.27.26 (ANL base 3.4a2)\n", "MPI CRAY MPICH version 8.1.27.26 (ANL base 3.4a2)")]
    [TestCase("", "MPI")]
    public void LibrariesHaveShortNames(string version, string name) => Assert.That(MpiVersionText.Name(version), Is.EqualTo(name));
}
