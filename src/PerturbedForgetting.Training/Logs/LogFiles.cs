using PerturbedForgetting.Training.Checkpoints;

namespace PerturbedForgetting.Training.Logs;

/// <summary>The logs that lie in the folder of a run.</summary>
static class LogFiles
{
    const int Tail = 1 << 16;

    /// <summary>
    /// Cuts them back to what they were when a checkpoint was written, so that a run that goes on from it has no number twice, nor any of
    /// updates that are trained again.
    /// </summary>
    /// <param name="folder">The folder.</param>
    /// <param name="kept">What there was then; nothing where the run begins.</param>
    /// <returns>What there is now, and whether anything was removed that a reader of event files may have read.</returns>
    /// <exception cref="IOException">A file cannot be changed.</exception>
    public static (List<LogLength> Files, bool HasCut) Settle(string folder, IReadOnlyList<LogLength> kept)
    {
        var files = new List<LogLength>();
        bool hasCut = false;
        foreach (string path in Directory.GetFiles(folder, EventFileLog.Pattern).Append(Path.Combine(folder, JsonLinesLog.FileName)))
        {
            if (!File.Exists(path))
                continue;
            string name = Path.GetFileName(path);
            long length = new FileInfo(path).Length, whole = kept.FirstOrDefault(k => k.Name == name)?.Length ?? 0;
            if (whole <= 0)
                File.Delete(path);
            else
                files.Add(new(name, Cut(path, Math.Min(length, whole))));
            hasCut |= length > whole && name != JsonLinesLog.FileName;
        }
        return (files, hasCut);
    }

    /// <summary>Cuts a file, and one of lines behind the last of them that is whole: a machine that failed may have lost its end.</summary>
    static long Cut(string path, long length)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        if (Path.GetFileName(path) == JsonLinesLog.FileName)
        {
            byte[] tail = new byte[Math.Min(Tail, length)];
            file.Seek(length - tail.Length, SeekOrigin.Begin);
            file.ReadExactly(tail);
            length -= tail.Length - (tail.AsSpan().LastIndexOf((byte)'\n') + 1);
        }
        if (file.Length > length)
            file.SetLength(length);
        return length;
    }
}
