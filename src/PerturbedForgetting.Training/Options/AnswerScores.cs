namespace PerturbedForgetting.Training.Options;

/// <summary>What the logits of a model become in its answers.</summary>
static class AnswerScores
{
    /// <summary>Probabilities of all classes, which add up to 1.</summary>
    public const string Softmax = "softmax";

    /// <summary>A number between 0 and 1 for each class by itself, of models that are trained with binary cross entropy.</summary>
    public const string Sigmoid = "sigmoid";
}
