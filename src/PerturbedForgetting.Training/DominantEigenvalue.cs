using System.Text;
using System.Text.Json;
using PerturbedForgetting.Training.Hessian;

namespace PerturbedForgetting.Training;

/// <summary>What <c>validate --validate-hessian</c> finds.</summary>
/// <param name="Model">Name in the registry.</param>
/// <param name="Loss">The loss in words.</param>
/// <param name="Images">Images that it is the mean over.</param>
/// <param name="Found">The eigenvalue of the largest magnitude.</param>
/// <param name="Passes">Products that it took.</param>
/// <param name="BeforeLast">The value that PyHessian returns: of the product before the last where the iteration converged.</param>
public sealed record DominantEigenvalue(string Model, string Loss, long Images, EigenvalueEstimate Found, int Passes, double BeforeLast)
{
    /// <summary>The key of the value in <see cref="Json"/>.</summary>
    public const string Key = "dominant_eigenvalue";

    /// <summary>All of it.</summary>
    public string Json
    {
        get
        {
            using var buffer = new MemoryStream();
            using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true, NewLine = "\n", IndentSize = 4 }))
            {
                json.WriteStartObject();
                json.WriteString("model", Model);
                json.WriteNumber(Key, Found.Value);
                json.WriteNumber("residual", Found.Residual);
                json.WriteBoolean("converged", Found.HasConverged);
                json.WriteNumber("passes", Passes);
                json.WriteNumber("pyhessian", BeforeLast);
                json.WriteString("loss_function", Loss);
                json.WriteNumber("images", Images);
                json.WriteEndObject();
            }
            return Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length) + "\n";
        }
    }

    /// <summary>The line that the reference prints, with the value of a <see cref="Json"/>: a label that ends in a space, a space, the
    /// number.</summary>
    public static string Line(string json)
    {
        using var document = JsonDocument.Parse(json);
        return FormattableString.Invariant($"Dominant eigenvalue:  {document.RootElement.GetProperty(Key).GetDouble():R}");
    }
}
