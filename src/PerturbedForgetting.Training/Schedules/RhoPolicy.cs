using PerturbedForgetting.Training.Options;

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
    public static RhoPolicy Constant(double rho) => new ConstantRho(Require(rho, TrainOptions.RhoOption));

    /// <summary>
    /// In proportion to the learning rate, between <paramref name="minRho"/> at its minimum and <paramref name="rho"/> at its base:
    /// max(0, minRho + (rho - minRho)·(lrₖ - min)/(lr - min)). Smaller than <paramref name="minRho"/> during a warm-up from below the minimum.
    /// </summary>
    /// <exception cref="ArgumentException">Base and minimum of the learning rate are equal.</exception>
    public static RhoPolicy LearningRateProportional(double rho, double minRho, double baseRate, double minRate) => baseRate == minRate
        ? throw new ArgumentException(
            $"{TrainOptions.RhoPolicyOption} lr_prop needs a learning rate that changes, "
            + FormattableString.Invariant($"but {TrainOptions.LrOption} and {TrainOptions.MinLrOption} are both {baseRate}. ")
            + $"Use {TrainOptions.RhoPolicyOption} constant, or another {TrainOptions.MinLrOption}.")
        : new ProportionalRho(Require(rho, TrainOptions.RhoOption), Require(minRho, TrainOptions.MinRhoOption), baseRate, minRate);

    /// <summary>The policy of a kind.</summary>
    public static RhoPolicy Create(RhoPolicyKind kind, double rho, double minRho, LinearSchedule schedule) => kind == RhoPolicyKind.Constant
        ? Constant(rho)
        : LearningRateProportional(rho, minRho, schedule.BaseRate, schedule.MinRate);

    /// <summary>Radius while the learning rate is <paramref name="learningRate"/>.</summary>
    public abstract double At(double learningRate);

    static double Require(double rho, OptionSpec option) => double.IsFinite(rho) && rho >= 0
        ? rho
        : throw new ArgumentOutOfRangeException(option.Flag, FormattableString.Invariant($"{option} is {rho}; it must be 0 or more."));

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
