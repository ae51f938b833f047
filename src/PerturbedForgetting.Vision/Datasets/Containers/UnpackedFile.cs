using System.IO.Compression;
using Microsoft.Win32.SafeHandles;

namespace PerturbedForgetting.Vision.Datasets.Containers;

/// <summary>A file that was packed by gzip, unpacked into a temporary one which is gone when nobody uses it any more, also where the
/// process is killed. Who asks for the same file again meanwhile gets the same.</summary>
sealed class UnpackedFile : IDisposable
{
    /// <summary>No archive of images is packed better: a file that claims it would fill the disk with nothing.</summary>
    const int LargestRatio = 200;

    static readonly Lock gate = new();
    static readonly Dictionary<(string, long, DateTime), UnpackedFile> shared = [];

    readonly (string, long, DateTime) key;
    int users;

    UnpackedFile((string, long, DateTime) key, SafeFileHandle handle, string place) => (this.key, Handle, Place) = (key, handle, place);

    /// <summary>The unpacked file.</summary>
    public SafeFileHandle Handle { get; }

    /// <summary>A path that it can be opened by.</summary>
    public string Place { get; }

    /// <summary>Whether a file begins like one that is packed by gzip.</summary>
    /// <exception cref="DatasetException">It cannot be read.</exception>
    public static bool IsPacked(string path)
    {
        try
        {
            if (FileStatus.IsSpecial(path))
                throw new DatasetException($"{path} is not a regular file");
            using SafeFileHandle handle = File.OpenHandle(path);
            Span<byte> head = stackalloc byte[2];
            return RandomAccess.Read(handle, head, 0) == 2 && head is [0x1F, 0x8B];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DatasetException($"{path} cannot be read: {e.Message}");
        }
    }

    /// <summary>Unpacks a file.</summary>
    /// <exception cref="DatasetException">It is damaged, or there is no room for it.</exception>
    /// <exception cref="OperationCanceledException"><see cref="DatasetOptions.Stop"/> ended it.</exception>
    public static UnpackedFile Open(string path, DatasetOptions options)
    {
        lock (gate)
        {
            var info = new FileInfo(path);
            var key = (info.FullName, info.Length, info.LastWriteTimeUtc);
            if (!shared.TryGetValue(key, out UnpackedFile? file))
                shared[key] = file = Unpack(path, key, options);
            file.users++;
            return file;
        }
    }

    /// <summary>Removes it, if this was its last user.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            if (--users > 0)
                return;
            shared.Remove(key);
            Handle.Dispose();
        }
    }

    static UnpackedFile Unpack(string path, (string, long, DateTime) key, DatasetOptions options)
    {
        string temporary = Path.Combine(Path.GetTempPath(), $"perturbed-forgetting-{Guid.NewGuid():N}.tar");
        try
        {
            // What has no name cannot be left behind; a system that wants one removes the file when it is closed.
            bool isNameless = OperatingSystem.IsLinux();
            SafeFileHandle handle = File.OpenHandle(temporary, FileMode.CreateNew, FileAccess.ReadWrite,
                FileShare.ReadWrite | FileShare.Delete, isNameless ? FileOptions.None : FileOptions.DeleteOnClose);
            try
            {
                if (isNameless)
                    File.Delete(temporary);
                var meter = new ProgressMeter(options, $"unpacking {path} into a temporary file", key.Item2);
                meter.Run(() => Copy(path, handle, meter));
            }
            catch
            {
                handle.Dispose();
                throw;
            }
            return new UnpackedFile(key, handle, isNameless ? $"/proc/self/fd/{handle.DangerousGetHandle()}" : temporary);
        }
        catch (InvalidDataException)
        {
            throw new DatasetException($"{path} is damaged: gzip cannot unpack it; download it again");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DatasetException($"{path} cannot be unpacked into {Path.GetTempPath()}: {e.Message} Unpack it yourself (gunzip), or "
                + "name another folder for temporary files (TMPDIR)");
        }
    }

    static void Copy(string path, SafeFileHandle target, ProgressMeter meter)
    {
        using FileStream source = File.OpenRead(path);
        using var unpacked = new GZipStream(source, CompressionMode.Decompress);
        var chunk = new byte[1 << 20];
        long written = 0, consumed = 0;
        while (unpacked.Read(chunk) is > 0 and int read)
        {
            RandomAccess.Write(target, chunk.AsSpan(0, read), written);
            written += read;
            if (written > LargestRatio * source.Length + chunk.Length)
                throw new DatasetException($"{path} unpacks to more than {LargestRatio} times its size, which no archive of images does; "
                    + "download it again");
            meter.Add(source.Position - consumed);
            consumed = source.Position;
        }
    }
}
