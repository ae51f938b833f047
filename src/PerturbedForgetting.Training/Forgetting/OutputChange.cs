using PerturbedForgetting.Training.Answers;

namespace PerturbedForgetting.Training.Forgetting;

/// <summary>Numbers of how a model's outputs on a set of images change.</summary>
/// <param name="Values">In the order of <see cref="Measure.OfChanges"/>.</param>
sealed record OutputChange(double[] Values)
{
    /// <summary>Measures a change.</summary>
    /// <param name="before">Outputs of the weights.</param>
    /// <param name="after">Outputs of the perturbed weights on the same images.</param>
    /// <param name="distribution">What logits become.</param>
    public static OutputChange Of(ModelOutputs before, ModelOutputs after, OutputDistribution distribution)
    {
        int classes = before.Classes, images = before.Images;
        double[] p = new double[classes], q = new double[classes], meanBefore = new double[classes], meanAfter = new double[classes];
        double same = 0, forgotten = 0, gained = 0, divergence = 0;
        for (int i = 0; i < images; i++)
        {
            distribution.Logarithms(before.Logits(i), p);
            distribution.Logarithms(after.Logits(i), q);
            double sum = 0;
            for (int k = 0; k < classes; k++)
            {
                double share = Math.Exp(p[k]);
                meanBefore[k] += share / images;
                meanAfter[k] += Math.Exp(q[k]) / images;
                sum += share == 0 ? 0 : share * (p[k] - q[k]);
            }
            // Rounding alone makes it negative; NaN stays.
            divergence += Math.Max(0, sum);
            int label = before.Labels[i], first = ClassScores.Best(before.Logits(i)), second = ClassScores.Best(after.Logits(i));
            same += first == second ? 1 : 0;
            forgotten += first == label && second != label ? 1 : 0;
            gained += first != label && second == label ? 1 : 0;
        }
        return new([100 * same / images, 100 * forgotten / images, 100 * gained / images, divergence / images,
            OutputMeasures.Distance(meanBefore, meanAfter)]);
    }
}
