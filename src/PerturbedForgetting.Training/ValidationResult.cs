using System.Text;
using System.Text.Json;
using PerturbedForgetting.Training.Evaluation;
using PerturbedForgetting.Training.Reports;

namespace PerturbedForgetting.Training;

/// <summary>What an evaluation found, and how it was made.</summary>
/// <param name="Model">Name in the registry.</param>
/// <param name="Metrics">Loss by the options' criterion, accuracies in percent.</param>
/// <param name="Parameters">Trainable numbers of the model.</param>
/// <param name="ImageSize">Height and width in pixels.</param>
/// <param name="CropPct">Share of the resized image that the crop kept.</param>
/// <param name="Interpolation">Filter of the resize.</param>
/// <param name="Scores">The scores of a data set that has names for them; the metrics are those of the first.</param>
public sealed record ValidationResult(string Model, EvaluationMetrics Metrics, long Parameters, int ImageSize, double CropPct,
    string Interpolation, IReadOnlyList<AccuracyScore> Scores)
{
    /// <summary>In the reference's form: percentages with 4 decimals, parameters in millions with 2.</summary>
    public string Json
    {
        get
        {
            using var buffer = new MemoryStream();
            using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true, NewLine = "\n", IndentSize = 4 }))
            {
                json.WriteStartObject();
                json.WriteString("model", Model);
                WriteAccuracy(json, Metrics.Top1, Metrics.Top5);
                json.WriteNumber("param_count", Math.Round(Parameters / 1e6, 2));
                json.WriteNumber("img_size", ImageSize);
                json.WriteNumber("crop_pct", CropPct);
                json.WriteString("interpolation", Interpolation);
                if (Scores.Count > 0)
                    WriteScores(json);
                json.WriteEndObject();
            }
            return Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length) + "\n";
        }
    }

    void WriteScores(Utf8JsonWriter json)
    {
        json.WriteStartObject("scores");
        foreach (AccuracyScore score in Scores)
        {
            json.WriteStartObject(score.Name);
            WriteAccuracy(json, score.Top1, score.Top5);
            json.WriteNumber("images", score.Images);
            json.WriteEndObject();
        }
        json.WriteEndObject();
    }

    static void WriteAccuracy(Utf8JsonWriter json, double top1, double top5)
    {
        Write("top1", top1);
        Write("top1_err", 100 - top1);
        Write("top5", top5);
        Write("top5_err", 100 - top5);

        // Of a set without a single label there is no accuracy.
        void Write(string name, double percent)
        {
            if (double.IsNaN(percent))
                json.WriteNull(name);
            else
                json.WriteNumber(name, Math.Round(percent, 4));
        }
    }
}
