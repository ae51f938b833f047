using PerturbedForgetting.Training.Checkpoints;
using PerturbedForgetting.Training.Reports;

namespace PerturbedForgetting.Training;

/// <summary>Where a run begins or goes on.</summary>
sealed record RunPosition
{
    /// <summary>First epoch to train, from 0.</summary>
    public int Epoch { get; init; }

    /// <summary>First batch of that epoch.</summary>
    public int Batch { get; init; }

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

    /// <summary>The checkpoint it goes on from.</summary>
    public string? Source { get; init; }
}
