using System.Globalization;
using System.Text.Json;

namespace PerturbedForgetting.Training.Runs;

/// <summary>What a trained model was measured on later: JSON files in its folder, of <c>presets validate</c>
/// <c>evaluation-NAME.json</c>.</summary>
public static class Evaluations
{
    /// <summary>In place of a set's name where the Hessian's dominant eigenvalue was measured.</summary>
    public const string Hessian = "hessian";

    const string Prefix = "evaluation-", Extension = ".json";

    /// <summary>The file of a set's results.</summary>
    /// <param name="folder">Of the run.</param>
    /// <param name="name">Of the set.</param>
    public static string PathOf(string folder, string name) => Path.Combine(folder, Prefix + name + Extension);

    /// <summary>The sets that a run was measured on.</summary>
    public static IEnumerable<string> Names(string folder) => Directory.EnumerateFiles(folder, Prefix + "*" + Extension)
        .Select(path => Path.GetFileNameWithoutExtension(path)[Prefix.Length..]);

    /// <summary>A number of a JSON file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="path">Members and indices on the way to it, with dots between them: <c>eigenvalues.0</c>.</param>
    /// <param name="isOptional">Whether a file without it is in order.</param>
    /// <returns>The number; null where there is no such file, or where it is null.</returns>
    /// <exception cref="RunException">The file is malformed, or has no such number.</exception>
    public static double? Number(string file, string path, bool isOptional)
    {
        if (RunText.Find(file) is not { } text)
            return null;
        try
        {
            using var document = JsonDocument.Parse(text);
            var at = document.RootElement;
            foreach (string name in path.Split('.'))
            {
                bool isThere = at.ValueKind == JsonValueKind.Array
                    ? int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int index) && index < at.GetArrayLength()
                        && (at = at[index]) is var _
                    : at.ValueKind == JsonValueKind.Object && at.TryGetProperty(name, out at);
                if (!isThere)
                    return isOptional ? null : throw new RunException(file, $"has no '{path}': there is no '{name}'.");
            }
            return at.ValueKind switch
            {
                JsonValueKind.Null => null,
                JsonValueKind.Number when at.TryGetDouble(out double number) => number,
                _ => throw new RunException(file, $"'{path}' is no number."),
            };
        }
        catch (JsonException e)
        {
            throw new RunException(file, $"is not valid JSON, or is cut off: {e.Message}", e);
        }
    }
}
