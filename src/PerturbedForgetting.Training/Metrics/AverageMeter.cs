namespace PerturbedForgetting.Training.Metrics;

/// <summary>The weighted average of what has been reported so far: losses weighted by the samples they are means of.</summary>
public sealed class AverageMeter
{
    double sum, weights;

    /// <summary>The average; NaN before the first value of a weight above 0.</summary>
    public double Average => weights > 0 ? sum / weights : double.NaN;

    /// <summary>The sum of the weights.</summary>
    public double Weight => weights;

    /// <summary>Adds a value. One of weight 0 changes nothing, even if it is NaN: the mean over a batch without valid samples.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The weight is negative or NaN.</exception>
    public void Add(double value, double weight = 1)
    {
        if (!(weight >= 0))
            throw new ArgumentOutOfRangeException(nameof(weight), $"A value of an average has a weight of 0 or more, not {weight}.");
        if (weight == 0)
            return;
        sum += value * weight;
        weights += weight;
    }

    /// <summary>Forgets everything.</summary>
    public void Reset() => sum = weights = 0;
}
