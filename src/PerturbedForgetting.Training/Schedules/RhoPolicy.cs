namespace PerturbedForgetting.Training.Schedules;

/// <summary>How the radius of the perturbation follows the learning rate.</summary>
public enum RhoPolicyKind
{
    /// <summary>Not at all.</summary>
    Constant,
    /// <summary>In proportion, between the smallest radius and the largest.</summary>
    LrProportional,
}

/// <summary>The radius of the perturbation as a function of the current learning rate.</summary>
public abstract class RhoPolicy
{
    /// <summary>Always the same radius.</summary>
    public static RhoPolicy Constant(double rho) => new ConstantRho(Require(rho, nameof(rho)));

    /// <summary>
    /// In proportion to the learning rate, between <paramref name="minRho"/> at its minimum and <paramref name="rho"/> at its base:
    /// max(0, minRho + (rho - minRho)·(lrₖ - min)/(lr - min)). Smaller than <paramref name="minRho"/> during a warm-up from below the
    /// minimum.
    /// </summary>
    /// <exception cref="ArgumentException">Base and minimum of the learning rate are equal.</exception>
    public static RhoPolicy LearningRateProportional(double rho, double minRho, double baseRate, double minRate) => baseRate == minRate
        ? throw new ArgumentException(
            "`rhoPolicy` lr_prop needs a learning rate that changes, "
            + FormattableString.Invariant($"but `{nameof(baseRate)}` and `{nameof(minRate)}` are both {baseRate}. ")
            + $"Use `rhoPolicy` constant, or another `{nameof(minRate)}`.")
        : new ProportionalRho(Require(rho, nameof(rho)), Require(minRho, nameof(minRho)), baseRate, minRate);

    /// <summary>The policy of a kind.</summary>
    public static RhoPolicy Create(RhoPolicyKind kind, double rho, double minRho, LinearSchedule schedule) => kind == RhoPolicyKind.Constant
        ? Constant(rho)
        : LearningRateProportional(rho, minRho, schedule.BaseRate, schedule.MinRate);

    /// <summary>Radius while the learning rate is <paramref name="learningRate"/>.</summary>
    public abstract double At(double learningRate);

    static double Require(double rho, string parameter) => double.IsFinite(rho) && rho >= 0
        ? rho
        : throw new ArgumentOutOfRangeException(parameter, FormattableString.Invariant($"`{parameter}` is {rho}; it must be 0 or more."));

    sealed class ConstantRho(double rho) : RhoPolicy
    {
        public override double At(double learningRate) => rho;
    }

    sealed class ProportionalRho(double rho, double minRho, double baseRate, double minRate) : RhoPolicy
    {
        public override double At(double learningRate) =>
            Math.Max(0, ((learningRate - minRate) / (baseRate - minRate) * (rho - minRho)) + minRho);
    }
}
