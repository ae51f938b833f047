
namespace PerturbedForgetting.Training.Schedules;

/// <summary>
/// Learning rate by update: a linear warm-up, then a linear fall. With T updates in all and W in the warm-up, update k (from 0) uses
/// warmup + k·(lr - warmup)/W for k &lt; W, else min + (lr - min)·(1 - (k - W)/max(1, T - W)). As in the reference it is not held
/// at the minimum after T.
/// </summary>
public sealed class LinearSchedule
{
    readonly double warmupRate;
    readonly long total, warmup;

    /// <param name="baseRate">lr, reached after the warm-up.</param>
    /// <param name="minRate">Rate after the last update.</param>
    /// <param name="warmupRate">Rate of the first update when there is a warm-up.</param>
    /// <param name="warmupEpochs">0 for none.</param>
    /// <param name="epochs">Length of the run.</param>
    /// <param name="updatesPerEpoch">Optimizer updates in an epoch.</param>
    public LinearSchedule(double baseRate, double minRate, double warmupRate, int warmupEpochs, int epochs, long updatesPerEpoch)
    {
        RequireRate(baseRate, nameof(baseRate));
        RequireRate(minRate, nameof(minRate));
        RequireRate(warmupRate, nameof(warmupRate));
        ArgumentOutOfRangeException.ThrowIfNegative(warmupEpochs);
        ArgumentOutOfRangeException.ThrowIfNegative(epochs);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(updatesPerEpoch);
        (BaseRate, MinRate, this.warmupRate) = (baseRate, minRate, warmupRate);
        (total, warmup) = (epochs * updatesPerEpoch, warmupEpochs * updatesPerEpoch);
    }

    /// <summary>lr.</summary>
    public double BaseRate { get; }

    /// <summary>min-lr.</summary>
    public double MinRate { get; }

    /// <summary>Learning rate of update <paramref name="update"/>, counted from 0 over the whole run.</summary>
    public double At(long update) => update < warmup
        ? warmupRate + (update * ((BaseRate - warmupRate) / warmup))
        : MinRate + ((BaseRate - MinRate) * (1 - ((update - warmup) / (double)Math.Max(1, total - warmup))));

    static void RequireRate(double rate, string parameter)
    {
        if (!double.IsFinite(rate) || rate < 0)
            throw new ArgumentOutOfRangeException(parameter,
                FormattableString.Invariant($"`{parameter}` is {rate}; it must be 0 or more."));
    }
}
