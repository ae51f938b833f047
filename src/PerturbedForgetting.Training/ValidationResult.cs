using System.Text;
using System.Text.Json;
using PerturbedForgetting.Training.Reports;

namespace PerturbedForgetting.Training;

/// <summary>What an evaluation found, and how it was made.</summary>
/// <param name="Model">Name in the registry.</param>
/// <param name="Metrics">Loss by the options' criterion, accuracies in percent.</param>
/// <param name="Parameters">Trainable numbers of the model.</param>
/// <param name="ImageSize">Height and width in pixels.</param>
/// <param name="CropPct">Share of the resized image that the crop kept.</param>
/// <param name="Interpolation">Filter of the resize.</param>
public sealed record ValidationResult(string Model, EvaluationMetrics Metrics, long Parameters, int ImageSize, double CropPct,
    string Interpolation)
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
                json.WriteNumber("top1", Math.Round(Metrics.Top1, 4));
                json.WriteNumber("top1_err", Math.Round(100 - Metrics.Top1, 4));
                json.WriteNumber("top5", Math.Round(Metrics.Top5, 4));
                json.WriteNumber("top5_err", Math.Round(100 - Metrics.Top5, 4));
                json.WriteNumber("param_count", Math.Round(Parameters / 1e6, 2));
                json.WriteNumber("img_size", ImageSize);
                json.WriteNumber("crop_pct", CropPct);
                json.WriteString("interpolation", Interpolation);
                json.WriteEndObject();
            }
            return Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length) + "\n";
        }
    }
}
