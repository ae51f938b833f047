using System.Globalization;

namespace PerturbedForgetting.Training.Schedules;

/// <summary>The base learning rate from <c>--lr</c>, or from <c>--lr-base</c> and the size of an update.</summary>
public static class LrScaling
{
    /// <summary>
    /// lr if it is given and not 0, else lrBase·r with r = batch·workers·accumulation / baseSize, or √r when the scale is <c>sqrt</c>.
    /// Without a scale: sqrt for optimizers whose name contains <c>ada</c> or <c>lamb</c>, else linear.
    /// </summary>
    /// <exception cref="ArgumentException">Another scale than linear, sqrt or none.</exception>
    public static double BaseRate(double? lr, double lrBase, int lrBaseSize, string? scale, string optimizer, int batchSize, int accumulationSteps, int workers = 1)
    {
        if (lr is { } given && given != 0)
            return given;
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(lrBaseSize);
        if (string.IsNullOrEmpty(scale))
            scale = optimizer.Contains("ada", StringComparison.Ordinal) || optimizer.Contains("lamb", StringComparison.Ordinal) ? "sqrt" : "linear";
        double ratio = (double)batchSize * workers * accumulationSteps / lrBaseSize;
        return scale switch
        {
            "linear" => lrBase * ratio,
            "sqrt" => lrBase * Math.Sqrt(ratio),
            _ => throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"There is no scaling '{scale}' of the learning rate. Choose --lr-base-scale from: linear, sqrt.")),
        };
    }
}
