namespace PerturbedForgetting.Training.Forgetting;

/// <summary>What a model says of a set of images.</summary>
/// <param name="logits">Images by classes.</param>
/// <param name="labels">One an image.</param>
/// <param name="loss">Mean training loss.</param>
sealed class ModelOutputs(float[] logits, int[] labels, double loss)
{
    /// <summary>Images of the set.</summary>
    public int Images => labels.Length;

    /// <summary>Classes of the model.</summary>
    public int Classes => labels.Length == 0 ? 0 : logits.Length / labels.Length;

    /// <summary>Labels of the images.</summary>
    public ReadOnlySpan<int> Labels => labels;

    /// <summary>Mean training loss.</summary>
    public double Loss => loss;

    /// <summary>The logits of an image.</summary>
    public ReadOnlySpan<float> Logits(int image) => logits.AsSpan(image * Classes, Classes);
}

/// <summary>Makes a distribution of an image's logits.</summary>
/// <param name="isSigmoid">Of models that are trained with binary cross entropy: sigmoids, divided by their sum; else the softmax.</param>
sealed class OutputDistribution(bool isSigmoid)
{
    /// <summary>The logarithms of the probabilities, which add up to 1.</summary>
    /// <param name="logits">Of an image.</param>
    /// <param name="logs">Receives them.</param>
    public void Logarithms(ReadOnlySpan<float> logits, Span<double> logs)
    {
        double largest = double.NegativeInfinity, sum = 0;
        for (int k = 0; k < logits.Length; k++)
        {
            // log sigmoid(x) = -log(1 + exp(-x)), without exp of anything large.
            double x = logits[k];
            logs[k] = isSigmoid ? Math.Min(x, 0) - LogOnePlus(Math.Exp(-Math.Abs(x))) : x;
            // NaN is passed on by the sum.
            if (logs[k] > largest)
                largest = logs[k];
        }
        foreach (double log in logs)
            sum += Math.Exp(log - largest);
        double total = largest + Math.Log(sum);
        for (int k = 0; k < logs.Length; k++)
            logs[k] -= total;
    }

    /// <summary>log(1 + x) for x in 0..1; exact to rounding where x is so small that 1 + x loses it.</summary>
    static double LogOnePlus(double x)
    {
        double y = 1 + x;
        return y == 1 ? x : Math.Log(y) * (x / (y - 1));
    }
}
