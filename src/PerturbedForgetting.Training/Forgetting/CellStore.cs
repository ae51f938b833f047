using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using PerturbedForgetting.Tensors.Serialization;

namespace PerturbedForgetting.Training.Forgetting;

/// <summary>Keeps the results of a study, a file a result, so that a study that was ended goes on and a larger grid uses what is
/// there.</summary>
/// <param name="folder">Holds the files; made when the first is written.</param>
sealed class CellStore(string folder)
{
    // More than any has: a thousand classes in three sets take less than 1 MB.
    const long LargestFile = 256 << 20;

    /// <summary>The result of a key; null where there is none, or the file is of something else, of another version, or damaged.</summary>
    /// <param name="key">What was measured.</param>
    /// <param name="perturbations">Perturbations of the case.</param>
    /// <param name="classes">Classes of the model.</param>
    public CellResult? Find(string key, int perturbations, int classes) =>
        Read(key, CellJson.Default.CellResult) is { } cell && cell.Fits(key, perturbations, classes) ? cell : null;

    /// <summary>The eigenvalue of a key; null likewise.</summary>
    /// <param name="key">What was measured.</param>
    public EigenvalueResult? FindEigenvalue(string key) =>
        Read(key, CellJson.Default.EigenvalueResult) is { } result && result.Key == key ? result : null;

    /// <summary>Keeps a result.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void Save(CellResult cell) =>
        AtomicFile.WriteText(PathOf(cell.Key), JsonSerializer.Serialize(cell, CellJson.Default.CellResult));

    /// <inheritdoc cref="Save(CellResult)"/>
    public void Save(EigenvalueResult result) =>
        AtomicFile.WriteText(PathOf(result.Key), JsonSerializer.Serialize(result, CellJson.Default.EigenvalueResult));

    T? Read<T>(string key, JsonTypeInfo<T> type) where T : class
    {
        var file = new FileInfo(PathOf(key));
        try
        {
            if (!file.Exists || file.Length > LargestFile)
                return null;
            using var stream = file.OpenRead();
            return JsonSerializer.Deserialize(stream, type);
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException or InvalidOperationException)
        {
            return null;
        }
    }

    string PathOf(string key) =>
        Path.Combine(folder, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)))[..32] + ".json");
}
