using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Training.Answers;

/// <summary>A class and how sure a model is of it.</summary>
/// <param name="Class">Index of the class.</param>
/// <param name="Score">From 0 to 1.</param>
readonly record struct ClassScore(int Class, double Score);

/// <summary>Makes answers of logits: the first classes of an image with their scores.</summary>
/// <param name="topK">How many classes, at most all.</param>
/// <param name="scores">What logits become, one of <see cref="AnswerScores"/>.</param>
sealed class ClassScores(int topK, string scores)
{
    int[] order = [];

    /// <summary>What scores are called: "probability" or "sigmoid".</summary>
    public string Name => scores == AnswerScores.Sigmoid ? "sigmoid" : "probability";

    /// <summary>The index of the largest logit, of equal ones the first.</summary>
    public static int Best(ReadOnlySpan<float> logits)
    {
        int best = 0;
        for (int c = 1; c < logits.Length; c++)
            if (logits[c] > logits[best])
                best = c;
        return best;
    }

    /// <summary>The classes with the largest logits, the largest first; of equal ones the class that comes first.</summary>
    public ClassScore[] Of(ReadOnlySpan<float> logits)
    {
        if (order.Length != logits.Length)
            order = new int[logits.Length];
        var keys = new float[logits.Length];
        for (int c = 0; c < logits.Length; c++)
            (order[c], keys[c]) = (c, float.IsNaN(logits[c]) ? float.PositiveInfinity : -logits[c]);
        Select(keys, Math.Min(topK, logits.Length));
        var answer = new ClassScore[Math.Min(topK, logits.Length)];
        double sum = 0, largest = logits[Best(logits)];
        if (scores != AnswerScores.Sigmoid)
            foreach (float logit in logits)
                sum += Math.Exp(logit - largest);
        for (int i = 0; i < answer.Length; i++)
        {
            double logit = logits[order[i]];
            answer[i] = new(order[i], scores == AnswerScores.Sigmoid ? 1 / (1 + Math.Exp(-logit)) : Math.Exp(logit - largest) / sum);
        }
        return answer;
    }

    /// <summary>Brings the classes with the smallest keys to the front of the order.</summary>
    void Select(float[] keys, int count)
    {
        // All are sorted where a few passes would not be fewer steps.
        if (count > 16)
        {
            Array.Sort(order, (a, b) => keys[a] != keys[b] ? keys[a].CompareTo(keys[b]) : a.CompareTo(b));
            return;
        }
        for (int i = 0; i < count; i++)
        {
            int best = i;
            for (int j = i + 1; j < order.Length; j++)
                if (keys[order[j]] < keys[order[best]] || (keys[order[j]] == keys[order[best]] && order[j] < order[best]))
                    best = j;
            (order[i], order[best]) = (order[best], order[i]);
        }
    }
}
