using System.Globalization;

namespace PerturbedForgetting.Training.Answers;

/// <summary>Comma-separated values: the image, its label where it has one, the class of the answer with its score, and further classes
/// with theirs.</summary>
sealed class CsvAnswerWriter(TextWriter output, ClassNames names, string scores, int topK, bool hasLabels)
    : AnswerWriter(output, names, scores)
{
    /// <inheritdoc/>
    public override void Begin()
    {
        Output.Write(hasLabels ? $"image,label,predicted,{Scores}" : $"image,predicted,{Scores}");
        for (int i = 2; i <= topK; i++)
            Output.Write(string.Create(CultureInfo.InvariantCulture, $",class_{i},{Scores}_{i}"));
        Output.Write('\n');
    }

    /// <inheritdoc/>
    public override void Write(Answer answer)
    {
        Output.Write(CsvText.Field(answer.Image));
        if (hasLabels)
            Output.Write($",{(answer.Label is { } label ? CsvText.Field(Names[label]) : "")}");
        foreach ((int index, double score) in answer.Classes)
            Output.Write(string.Create(CultureInfo.InvariantCulture, $",{CsvText.Field(Names[index])},{score:G6}"));
        Output.Write('\n');
    }
}
