namespace PerturbedForgetting.Training.Updates;

/// <summary>
/// Which updates of a run are perturbed: those from one on and before another, every so many. The others are those of the optimizer
/// beneath. (Late: Zhou et al., "Sharpness-aware minimization efficiently selects flatter minima late in training", ICLR 2025; at
/// intervals: Liu et al., "Towards efficient and scalable sharpness-aware minimization", CVPR 2022, section 3.)
/// </summary>
/// <param name="First">Number of the first update, from 0.</param>
/// <param name="End">Number of the first one that is not any more.</param>
/// <param name="Interval">1 for each, 2 for every other, counted from the first.</param>
public readonly record struct PerturbationPeriod(long First, long End, int Interval)
{
    /// <summary>All updates.</summary>
    public static PerturbationPeriod Always { get; } = new(0, long.MaxValue, 1);

    /// <param name="from">Epochs before the first perturbation.</param>
    /// <param name="until">Epochs after which there are none; none for the end of the run.</param>
    /// <param name="interval">1 for each update.</param>
    /// <param name="updatesPerEpoch">Updates of an epoch.</param>
    public static PerturbationPeriod OfEpochs(int from, int? until, int interval, long updatesPerEpoch) =>
        new(from * updatesPerEpoch, until * updatesPerEpoch ?? long.MaxValue, interval);

    /// <summary>Whether the update lies between the ends.</summary>
    public bool Spans(long update) => update >= First && update < End;

    /// <summary>Whether the update is perturbed.</summary>
    public bool Includes(long update) => Spans(update) && (update - First) % Interval == 0;
}
