using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
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
    public CellResult? Find(string key, int perturbations, int classes)
    {
        var file = new FileInfo(PathOf(key));
        try
        {
            if (!file.Exists || file.Length > LargestFile)
                return null;
            using var stream = file.OpenRead();
            return JsonSerializer.Deserialize(stream, CellJson.Default.CellResult) is { } cell && cell.Fits(key, perturbations, classes)
                ? cell
                : null;
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>Keeps a result.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void Save(CellResult cell) =>
        AtomicFile.WriteText(PathOf(cell.Key), JsonSerializer.Serialize(cell, CellJson.Default.CellResult));

    string PathOf(string key) =>
        Path.Combine(folder, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)))[..32] + ".json");
}
