using PerturbedForgetting.Training.Answers;

namespace PerturbedForgetting.Training.Forgetting;

/// <summary>Numbers of each class over a set of images.</summary>
/// <param name="Mean">Mean predicted distribution: adds up to 1.</param>
/// <param name="Predicted">Share of the images whose prediction is the class: adds up to 1.</param>
/// <param name="Accuracy">Percentage of the images of the class that are predicted as it; NaN where it has none.</param>
sealed record ClassOutputs(double[] Mean, double[] Predicted, double[] Accuracy);

/// <summary>Numbers of a model's outputs on a set of images.</summary>
/// <param name="Values">In the order of <see cref="Measure.OfOutputs"/>.</param>
/// <param name="Classes">Numbers of each class.</param>
sealed record OutputMeasures(double[] Values, ClassOutputs Classes)
{
    /// <summary>Measures outputs. Where logits are not finite, neither are the numbers that follow from them.</summary>
    /// <param name="outputs">Of at least one image.</param>
    /// <param name="distribution">What logits become.</param>
    public static OutputMeasures Of(ModelOutputs outputs, OutputDistribution distribution)
    {
        int classes = outputs.Classes, images = outputs.Images;
        double[] mean = new double[classes], predicted = new double[classes], right = new double[classes], logs = new double[classes];
        double[] shares = LabelShares(outputs);
        double confidence = 0, ofLabel = 0, entropy = 0, correct = 0;
        for (int i = 0; i < images; i++)
        {
            distribution.Logarithms(outputs.Logits(i), logs);
            double largest = 0;
            for (int k = 0; k < classes; k++)
            {
                double p = Math.Exp(logs[k]);
                mean[k] += p / images;
                // What underflows contributes nothing.
                entropy -= p == 0 ? 0 : p * logs[k];
                largest = Math.Max(largest, p);
            }
            int label = outputs.Labels[i], answer = ClassScores.Best(outputs.Logits(i));
            confidence += largest;
            ofLabel += Math.Exp(logs[label]);
            predicted[answer] += 1.0 / images;
            right[label] += answer == label ? 1 : 0;
            correct += answer == label ? 1 : 0;
        }
        double[] values =
        [
            outputs.Loss, 100 * correct / images, confidence / images, ofLabel / images, entropy / images,
            Divergence(mean, Uniform(classes)), Distance(mean, Uniform(classes)), Divergence(shares, mean), Distance(mean, shares),
        ];
        double[] accuracy = [.. right.Select((r, k) => shares[k] == 0 ? double.NaN : 100 * r / (shares[k] * images))];
        return new(values, new(mean, predicted, accuracy));
    }

    /// <summary>Share of each class among the labels.</summary>
    public static double[] LabelShares(ModelOutputs outputs)
    {
        var counts = new int[outputs.Classes];
        foreach (int label in outputs.Labels)
            counts[label]++;
        return [.. counts.Select(c => (double)c / outputs.Images)];
    }

    /// <summary>Kullback-Leibler divergence Σ pₖ log(pₖ / qₖ) in nats; 0·log 0 is 0.</summary>
    public static double Divergence(ReadOnlySpan<double> p, ReadOnlySpan<double> q)
    {
        double sum = 0;
        for (int k = 0; k < p.Length; k++)
            sum += p[k] == 0 ? 0 : p[k] * Math.Log(p[k] / q[k]);
        // Rounding alone makes it negative.
        return Math.Max(0, sum);
    }

    /// <summary>Total variation distance ½ Σ |pₖ - qₖ|, from 0 to 1.</summary>
    public static double Distance(ReadOnlySpan<double> p, ReadOnlySpan<double> q)
    {
        double sum = 0;
        for (int k = 0; k < p.Length; k++)
            sum += Math.Abs(p[k] - q[k]);
        return sum / 2;
    }

    static double[] Uniform(int classes)
    {
        var uniform = new double[classes];
        Array.Fill(uniform, 1.0 / classes);
        return uniform;
    }
}
