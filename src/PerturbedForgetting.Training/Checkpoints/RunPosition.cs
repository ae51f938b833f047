using PerturbedForgetting.Training.Reports;

namespace PerturbedForgetting.Training.Checkpoints;

/// <summary>Where a run begins or goes on.</summary>
sealed record RunPosition
{
    /// <summary>Names the run.</summary>
    public required string Run { get; init; }

    /// <summary>How often the run was continued from an earlier position than it had reached.</summary>
    public int Restarts { get; init; }

    /// <summary>First epoch to train, from 0.</summary>
    public int Epoch { get; init; }

    /// <summary>First batch of that epoch.</summary>
    public int Batch { get; init; }

    /// <summary>Whether the running statistics of all processes are the same, because the epoch's end has made them so.</summary>
    public bool AreStatisticsShared { get; init; }

    /// <summary>What the epoch has gathered so far.</summary>
    public EpochSums Sums { get; init; } = new();

    /// <summary>Learning rate of the update before.</summary>
    public double LearningRate { get; init; } = double.NaN;

    /// <summary>Radius of the update before.</summary>
    public double Rho { get; init; } = double.NaN;

    /// <summary>Norms of the last update, where they are asked for.</summary>
    public UpdateNorms? Norms { get; init; }

    /// <summary>Epochs finished.</summary>
    public IReadOnlyList<EpochRecord> Epochs { get; init; } = [];

    /// <summary>Epochs whose checkpoints are kept.</summary>
    public IReadOnlyList<KeptEpoch> Kept { get; init; } = [];

    /// <summary>Logs of the folder as they were at that position.</summary>
    public IReadOnlyList<LogLength> Logs { get; init; } = [];

    /// <summary>Whether the run ends with the comparison that the quick start makes.</summary>
    public bool Compares { get; init; }

    /// <summary>The checkpoint it goes on from.</summary>
    public string? Source { get; init; }

    /// <summary>A name for a run that begins.</summary>
    public static string NewRun() => Guid.NewGuid().ToString("N");
}
