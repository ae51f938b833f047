using System.Globalization;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Training.Processes.Launching;

/// <summary>What a launcher has told this process of itself and the others.</summary>
/// <param name="By">What launched it.</param>
/// <param name="Rank">Number of this process.</param>
/// <param name="Size">How many there are.</param>
sealed record Launch(Launcher By, int Rank, int Size)
{
    /// <summary>Variables that tell a process who it is, by launcher, the innermost first: whoever is started by one and runs in another
    /// has those of both.</summary>
    static readonly (Launcher By, string[] Shown, string Rank, string[] Sizes, string[] LocalRank, string[] LocalSize)[] known =
    [
        (Launcher.First, [EnvironmentVariables.Parent.Name], "RANK", ["WORLD_SIZE"], ["LOCAL_RANK"], ["LOCAL_WORLD_SIZE"]),
        (Launcher.Torchrun, ["TORCHELASTIC_RUN_ID"], "RANK", ["WORLD_SIZE"], ["LOCAL_RANK"], ["LOCAL_WORLD_SIZE"]),
        (Launcher.OpenMpi, ["OMPI_COMM_WORLD_RANK"], "OMPI_COMM_WORLD_RANK", ["OMPI_COMM_WORLD_SIZE"], ["OMPI_COMM_WORLD_LOCAL_RANK"],
            ["OMPI_COMM_WORLD_LOCAL_SIZE"]),
        // Slurm's own PMI sets only the first two of these.
        (Launcher.Mpich, ["MPI_LOCALRANKID"], "PMI_RANK", ["PMI_SIZE"], ["MPI_LOCALRANKID"], ["MPI_LOCALNRANKS"]),
        (Launcher.Environment, ["RANK"], "RANK", ["WORLD_SIZE"], ["LOCAL_RANK"], ["LOCAL_WORLD_SIZE"]),
        // Of a batch script, which is one process, there is no step.
        (Launcher.Slurm, ["SLURM_STEP_ID", "SLURM_STEP_NODELIST", "MASTER_ADDR"], "SLURM_PROCID",
            ["SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"], ["SLURM_LOCALID"], []),
        (Launcher.Mpich, ["PMI_RANK"], "PMI_RANK", ["PMI_SIZE"], [], []),
    ];

    /// <summary>Number of this process among those of its machine; null where that is not said.</summary>
    public int? LocalRank { get; init; }

    /// <summary>How many of them there are; null where that is not said.</summary>
    public int? LocalSize { get; init; }

    /// <summary>What launched it, for people.</summary>
    public string Title => By switch
    {
        Launcher.First => RunOptions.GpusOption.Flag,
        Launcher.Torchrun => "torchrun",
        Launcher.OpenMpi => "mpirun of Open MPI",
        Launcher.Mpich => "mpirun of the MPICH family",
        Launcher.Slurm => "srun",
        _ => "RANK and WORLD_SIZE",
    };

    /// <summary>Whether another process of this program has started it.</summary>
    public bool IsOfFirst => By == Launcher.First;

    /// <summary>Whether MPI's own library can find the other processes.</summary>
    public bool HasMpi { get; private init; }

    /// <summary>Reads variables; null where this process was started alone.</summary>
    /// <param name="variable">The value of an environment variable; null or empty where it is not set.</param>
    /// <exception cref="OptionException">A variable does not hold what it should.</exception>
    public static Launch? Find(Func<string, string?> variable)
    {
        foreach (var (by, shown, rank, sizes, localRank, localSize) in known)
        {
            if (!Array.Exists(shown, IsSet) || !IsSet(rank) || Array.Find(sizes, IsSet) is not { } size)
                continue;
            int count = Number(size, 1, int.MaxValue) ?? 1;
            if (count == 1)
                return null;
            return new(by, Number(rank, 0, count - 1) ?? 0, count)
            {
                LocalRank = localRank.Length > 0 ? Number(localRank[0], 0, count - 1) : null,
                LocalSize = localSize.Length > 0 ? Number(localSize[0], 1, count) : null,
                HasMpi = by is Launcher.OpenMpi or Launcher.Mpich
                    || (by == Launcher.Slurm && (IsSet("PMI_RANK") || IsSet("PMIX_RANK"))),
            };
        }
        return null;

        bool IsSet(string name) => variable(name) is { Length: > 0 };

        int? Number(string name, int least, int most) => !IsSet(name) ? null
            : int.TryParse(variable(name), NumberStyles.None, CultureInfo.InvariantCulture, out int number)
                && number >= least && number <= most
            ? number
            : throw new OptionException(new OptionProblem(name, string.Create(CultureInfo.InvariantCulture,
                $"'{variable(name)}' is not a whole number from {least} to {most}; launchers set this variable of the environment.")));
    }

    /// <summary>The launch of this process; null where it was started alone.</summary>
    /// <exception cref="OptionException">A variable does not hold what it should.</exception>
    public static Launch? Here() => Find(Environment.GetEnvironmentVariable);

    /// <summary>What a batch script should know that was given more processors than it has processes; null for others.</summary>
    public static string? NoteOfBatch(Func<string, string?> variable) =>
        Find(variable) is null && variable("SLURM_PROCID") is { Length: > 0 } && variable("SLURM_STEP_ID") is null or ""
            && int.TryParse(variable("SLURM_NTASKS"), NumberStyles.None, CultureInfo.InvariantCulture, out int tasks) && tasks > 1
            ? string.Create(CultureInfo.InvariantCulture,
                $"Slurm has set aside {tasks} tasks, and this is one process, not started by srun: it runs alone.")
            : null;
}
