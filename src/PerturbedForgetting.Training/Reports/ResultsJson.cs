using System.Text;
using System.Text.Json;

namespace PerturbedForgetting.Training.Reports;

/// <summary>
/// The results of a run in the reference's form: <c>{"all":[{"epoch","train","validation"}],"best":{…}}</c>. Every epoch of the run
/// is there, also those before a resume; <c>best</c> is null only when no epoch was finished. Numbers that are not finite are null.
/// </summary>
public static class ResultsJson
{
    /// <summary>The text, indented.</summary>
    public static string Build(IReadOnlyList<EpochRecord> epochs, EvalMetric metric)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true, NewLine = "\n" }))
        {
            json.WriteStartObject();
            json.WriteStartArray("all");
            foreach (var epoch in epochs)
                WriteEpoch(json, epoch);
            json.WriteEndArray();
            json.WritePropertyName("best");
            if (metric.Best(epochs) is { } best)
                WriteEpoch(json, best);
            else
                json.WriteNullValue();
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length) + "\n";
    }

    static void WriteEpoch(Utf8JsonWriter json, EpochRecord epoch)
    {
        json.WriteStartObject();
        json.WriteNumber("epoch", epoch.Epoch);
        json.WriteStartObject("train");
        Write(json, "loss", epoch.Train.Loss);
        Write(json, "perturb_loss", epoch.Train.PerturbLoss);
        Write(json, "mean_loss", epoch.Train.MeanLoss);
        Write(json, "mean_perturb_loss", epoch.Train.MeanPerturbLoss);
        if (epoch.Norms is { } norms)
        {
            Write(json, "perturbation_norm", norms.Perturbation);
            Write(json, "gradient_norm", norms.Gradient);
        }
        json.WriteEndObject();
        json.WriteStartObject("validation");
        Write(json, "loss", epoch.Validation.Loss);
        Write(json, "top1", epoch.Validation.Top1);
        Write(json, "top5", epoch.Validation.Top5);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    static void Write(Utf8JsonWriter json, string name, double value)
    {
        if (double.IsFinite(value))
            json.WriteNumber(name, value);
        else
            json.WriteNull(name);
    }
}
