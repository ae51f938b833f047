using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Training.Answers;

/// <summary>Writes answers one after the other.</summary>
/// <param name="output">Where to; the caller closes it.</param>
/// <param name="names">Names of the classes.</param>
/// <param name="scores">What scores are called.</param>
abstract class AnswerWriter(TextWriter output, ClassNames names, string scores)
{
    /// <summary>Where the text goes.</summary>
    protected TextWriter Output => output;

    /// <summary>Names of the classes.</summary>
    protected ClassNames Names => names;

    /// <summary>What scores are called.</summary>
    protected string Scores => scores;

    /// <summary>A writer for a format.</summary>
    /// <param name="format">The format.</param>
    /// <param name="output">Where to; the caller closes it.</param>
    /// <param name="names">Names of the classes.</param>
    /// <param name="scores">What scores are called.</param>
    /// <param name="topK">Classes of each answer.</param>
    public static AnswerWriter Create(AnswerFormat format, TextWriter output, ClassNames names, string scores, int topK) => format switch
    {
        AnswerFormat.Csv => new CsvAnswerWriter(output, names, scores, topK, hasLabels: false),
        AnswerFormat.Json => new JsonAnswerWriter(output, names, scores),
        _ => new TableAnswerWriter(output, names, scores),
    };

    /// <summary>What comes before the first answer.</summary>
    public virtual void Begin()
    {
    }

    /// <summary>Writes an answer.</summary>
    public abstract void Write(Answer answer);

    /// <summary>What comes after the last answer.</summary>
    public virtual void End()
    {
    }
}
