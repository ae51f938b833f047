using System.Globalization;

namespace PerturbedForgetting.Training.Schedules;

/// <summary>The radius of the perturbation as a function of the current learning rate.</summary>
public abstract class RhoPolicy
{
    /// <summary>Always the same radius.</summary>
    public static RhoPolicy Constant(double rho) => new ConstantRho(Require(rho, "--rho"));

    /// <summary>
    /// In proportion to the learning rate, between <paramref name="minRho"/> at its minimum and <paramref name="rho"/> at its base:
    /// max(0, minRho + (rho - minRho)·(lrₖ - min)/(lr - min)). Smaller than <paramref name="minRho"/> during a warm-up from below the minimum.
    /// </summary>
    /// <exception cref="ArgumentException">Base and minimum of the learning rate are equal.</exception>
    public static RhoPolicy LearningRateProportional(double rho, double minRho, double baseRate, double minRate) => baseRate == minRate
        ? throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
            $"--rho-policy lr_prop needs a learning rate that changes, but --lr and --min-lr are both {baseRate}. Use --rho-policy constant, or another --min-lr."))
        : new ProportionalRho(Require(rho, "--rho"), Require(minRho, "--min-rho"), baseRate, minRate);

    /// <summary>The policy with a name of the command line: <c>constant</c> or <c>lr_prop</c>.</summary>
    /// <exception cref="ArgumentException">There is no such policy.</exception>
    public static RhoPolicy Create(string name, double rho, double minRho, LinearSchedule schedule) => name switch
    {
        "constant" => Constant(rho),
        "lr_prop" => LearningRateProportional(rho, minRho, schedule.BaseRate, schedule.MinRate),
        _ => throw new ArgumentException($"There is no rho policy '{name}'. Choose --rho-policy from: constant, lr_prop."),
    };

    /// <summary>Radius while the learning rate is <paramref name="learningRate"/>.</summary>
    public abstract double At(double learningRate);

    static double Require(double rho, string option) => double.IsFinite(rho) && rho >= 0
        ? rho
        : throw new ArgumentOutOfRangeException(option, string.Create(CultureInfo.InvariantCulture, $"{option} is {rho}; it must be 0 or more."));

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
