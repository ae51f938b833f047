using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace PerturbedForgetting.Training.Answers;

/// <summary>An array with an object a line for each image.</summary>
sealed class JsonAnswerWriter(TextWriter output, ClassNames names, string scores) : AnswerWriter(output, names, scores)
{
    readonly MemoryStream line = new();
    bool hasBegun;

    /// <inheritdoc/>
    public override void Begin() => Output.Write('[');

    /// <inheritdoc/>
    public override void Write(Answer answer)
    {
        Output.Write(hasBegun ? ",\n" : "\n");
        hasBegun = true;
        line.SetLength(0);
        using (Utf8JsonWriter json = new(line, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteString("image", answer.Image);
            json.WriteStartArray("predictions");
            foreach ((int index, double score) in answer.Classes)
            {
                json.WriteStartObject();
                json.WriteString("class", Names[index]);
                json.WriteNumber("index", index);
                // JSON has no name for what is not a number.
                if (double.IsFinite(score))
                    json.WriteNumber(Scores, score);
                else
                    json.WriteNull(Scores);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        Output.Write(Encoding.UTF8.GetString(line.GetBuffer(), 0, (int)line.Length));
    }

    /// <inheritdoc/>
    public override void End() => Output.Write("\n]\n");
}
