using System.Globalization;

namespace PerturbedForgetting.Training.Answers;

/// <summary>For people: the image, and below it its classes.</summary>
sealed class TableAnswerWriter(TextWriter output, ClassNames names, string scores) : AnswerWriter(output, names, scores)
{
    bool hasBegun;

    /// <inheritdoc/>
    public override void Write(Answer answer)
    {
        if (!hasBegun)
            Output.Write($"{Scores,12}  class\n");
        hasBegun = true;
        Output.Write($"{answer.Image}\n");
        foreach ((int index, double score) in answer.Classes)
            Output.Write(string.Create(CultureInfo.InvariantCulture, $"{100 * score,10:F2} %  {Names[index]}\n"));
    }
}
