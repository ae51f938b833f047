using System.Text;

namespace PerturbedForgetting.Training.Runs;

/// <summary>Reads the small text files of a run, which may be another's: of limited size, and UTF-8.</summary>
static class RunText
{
    /// <summary>Ten thousand epochs with all their numbers are a tenth of it.</summary>
    const int Most = 64 << 20;

    static readonly UTF8Encoding strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The text; null where there is no such file.</summary>
    /// <exception cref="RunException">It cannot be read.</exception>
    public static string? Find(string path)
    {
        try
        {
            // A run that goes on replaces it at any time.
            using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            if (file.Length > Most)
                throw new RunException(path, $"has {file.Length} bytes; no run writes more than {Most}.");
            byte[] bytes = new byte[file.Length];
            file.ReadExactly(bytes);
            return strict.GetString(bytes).TrimStart('\uFEFF');
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (DecoderFallbackException e)
        {
            throw new RunException(path, "is no text in UTF-8.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new RunException(path, $"cannot be read: {e.Message}", e);
        }
    }
}
