using System.Globalization;
using PerturbedForgetting.Training.Answers;
using PerturbedForgetting.Training.Progress;
using PerturbedForgetting.Training.Setup;
using PerturbedForgetting.Vision.Datasets;

namespace PerturbedForgetting.Training.Evaluation;

/// <summary>
/// How far a model of <c>builtin/shapes</c> relies on backgrounds: its accuracy on validation images whose background is the one that
/// went with their class in training, and on those whose background went with another class.
/// </summary>
/// <param name="Agreeing">Percentage of right answers where the background agrees with the class.</param>
/// <param name="Contradicting">The same where it belongs to another class.</param>
/// <param name="Misled">Percentage of the contradicting images that are taken for the class of their background.</param>
/// <param name="Images">Images of each kind: agreeing, contradicting.</param>
public sealed record BackgroundBias(double Agreeing, double Contradicting, double Misled, (int Agreeing, int Contradicting) Images)
{
    /// <summary>Agreeing minus contradicting, in points: 0 for a model that looks at shapes only.</summary>
    public double Gap => Agreeing - Contradicting;

    /// <summary>For example <c>background agrees 98.0 %, contradicts 61.5 % (gap 36.5 points), taken for the background's class 20.1
    /// %</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"background agrees {Agreeing:F1} %, contradicts {Contradicting:F1} % (gap {Gap:F1} points), taken for the background's class "
        + $"{Misled:F1} %");

    /// <summary>Measures the model of a run on its validation set; none where that is not <c>builtin/shapes</c>, or too small to
    /// have images of both kinds.</summary>
    internal static BackgroundBias? Measure(RunParts parts)
    {
        if (parts.ValidationSet is not ShapesDataset shapes)
            return null;
        int agreeing = 0, agreeingRight = 0, contradicting = 0, contradictingRight = 0, misled = 0;
        Evaluator.Of(parts).Run(NullObserver.Instance, CancellationToken.None, (batch, logits) =>
        {
            int classes = logits.Length / batch.Count;
            for (int i = 0; i < batch.Count; i++)
            {
                int label = batch.HostLabels[i], background = shapes.Background(batch.Indices[i]);
                int predicted = ClassScores.Best(logits.AsSpan(i * classes, classes));
                if (background == label)
                {
                    agreeing++;
                    agreeingRight += predicted == label ? 1 : 0;
                    continue;
                }
                contradicting++;
                contradictingRight += predicted == label ? 1 : 0;
                misled += predicted == background ? 1 : 0;
            }
        });
        double[] counts = [agreeing, agreeingRight, contradicting, contradictingRight, misled];
        parts.World.Sum(counts);
        (agreeing, agreeingRight, contradicting) = ((int)counts[0], (int)counts[1], (int)counts[2]);
        (contradictingRight, misled) = ((int)counts[3], (int)counts[4]);
        return agreeing == 0 || contradicting == 0
            ? null
            : new(100.0 * agreeingRight / agreeing, 100.0 * contradictingRight / contradicting, 100.0 * misled / contradicting,
                (agreeing, contradicting));
    }
}
