namespace PerturbedForgetting.Training.Answers;

/// <summary>Fields of comma-separated values (RFC 4180).</summary>
static class CsvText
{
    /// <summary>A field, in quotes where it needs them.</summary>
    public static string Field(string text) => text.AsSpan().IndexOfAny(",\"\r\n") < 0 && text.AsSpan().Trim().Length == text.Length
        ? text
        : $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
