using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace PerturbedForgetting.Training.Checkpoints;

/// <summary>The process that trains in a folder.</summary>
/// <param name="Process">Its number.</param>
/// <param name="Host">The machine it runs on.</param>
/// <param name="Started">When it began to train there.</param>
sealed record RunOwner(int Process, string Host, DateTimeOffset Started)
{
    /// <summary>For example <c>process 4711 on node12, since 2026-01-31 12:00:00Z</c>.</summary>
    public override string ToString() => FormattableString.Invariant($"process {Process} on {Host}, since {Started:u}");
}

/// <summary>
/// Keeps a run directory for one process. Where processes of one machine meet, the operating system holds the lock and lets go of it with
/// its owner, however that ends. Between machines that share a file system which has no locks, the owner gives a sign of life: it writes
/// its own file again every <see cref="SignInterval"/>, and who finds the file of another machine waits whether that happens.
/// </summary>
sealed class RunLock : IDisposable
{
    /// <summary>Held open as long as the run trains. It stays when the run ends: removing it could remove the next owner's.</summary>
    const string LockName = ".run.lock";

    /// <summary>Says whose the lock is; removed when the run ends.</summary>
    internal const string OwnerName = ".run.owner";

    internal static readonly TimeSpan SignInterval = TimeSpan.FromSeconds(10);

    // What the system calls it when another process holds a lock: EWOULDBLOCK twice, and ERROR_SHARING_VIOLATION.
    const int LockedOnLinux = 11, LockedOnMac = 35, LockedOnWindows = unchecked((int)0x80070020);

    readonly byte[] sign;
    readonly Timer signs;
    FileStream held;

    RunLock(string folder, FileStream held, RunOwner owner)
    {
        (Folder, this.held, sign) = (folder, held, JsonSerializer.SerializeToUtf8Bytes(owner, RunOwnerJson.Default.RunOwner));
        Sign();
        signs = new Timer(_ =>
        {
            // A sign that cannot be given is no reason to stop training; the next one may be.
            try { Sign(); }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException) { }
        }, null, SignInterval, SignInterval);
    }

    /// <summary>The run directory.</summary>
    public string Folder { get; }

    /// <summary>Whether the lock is still in its folder, which somebody may have removed.</summary>
    public bool IsThere => File.Exists(Path.Combine(Folder, LockName));

    /// <summary>Takes a run directory, which is created if it is missing.</summary>
    /// <param name="folder">The run directory.</param>
    /// <param name="report">Told why there is something to wait for.</param>
    /// <param name="patience">How long another machine may be silent; by default three signs.</param>
    /// <exception cref="CheckpointException">Another process trains there.</exception>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    public static RunLock Take(string folder, Action<string> report, TimeSpan? patience = null)
    {
        var held = Open(folder);
        string ownerPath = Path.Combine(folder, OwnerName);
        try
        {
            if (ReadOwner(ownerPath) is { } other && other.Host != Environment.MachineName)
            {
                var silence = patience ?? 3 * SignInterval;
                report($"'{folder}' was last trained in by {other}; waiting {silence.TotalSeconds:F0} s for a sign of life.");
                if (IsAlive(ownerPath, silence))
                    throw Taken(folder, other, null);
            }
            return new RunLock(folder, held, new(Environment.ProcessId, Environment.MachineName, DateTimeOffset.UtcNow));
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    /// <summary>Lets go of the folder.</summary>
    public void Dispose()
    {
        using var stopped = new ManualResetEvent(false);
        if (signs.Dispose(stopped))
            stopped.WaitOne();
        try { File.Delete(Path.Combine(Folder, OwnerName)); }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { }
        held.Dispose();
    }

    /// <summary>Takes the folder again after somebody removed it.</summary>
    /// <exception cref="CheckpointException">Meanwhile another process trains there.</exception>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    public void Renew()
    {
        var renewed = Open(Folder);
        held.Dispose();
        held = renewed;
        Sign();
    }

    static FileStream Open(string folder)
    {
        Directory.CreateDirectory(folder);
        string path = Path.Combine(folder, LockName);
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e) when (e.HResult is LockedOnLinux or LockedOnMac or LockedOnWindows)
        {
            throw Taken(folder, ReadOwner(Path.Combine(folder, OwnerName)), e);
        }
    }

    void Sign()
    {
        // Not truncated first: a reader never sees half of it.
        using var file = new FileStream(Path.Combine(Folder, OwnerName), FileMode.OpenOrCreate, FileAccess.Write,
            FileShare.ReadWrite | FileShare.Delete);
        file.Write(sign);
        file.SetLength(sign.Length);
    }

    static CheckpointException Taken(string folder, RunOwner? owner, Exception? inner) => new(folder,
        $"another run trains in this folder: {owner?.ToString() ?? "an unknown process"}. "
        + "Wait for its end, stop it, or name another --experiment.", inner)
    {
        IsInUse = true,
    };

    /// <summary>Whether the file is written again within a time. Both times are the file system's own, so that clocks need not
    /// agree.</summary>
    static bool IsAlive(string path, TimeSpan silence)
    {
        var before = File.GetLastWriteTimeUtc(path);
        for (long began = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(began) < silence; Thread.Sleep(100))
            if (File.GetLastWriteTimeUtc(path) != before)
                return true;
        return false;
    }

    /// <summary>What the owner's file says; null where there is none, or where it is damaged.</summary>
    internal static RunOwner? ReadOwner(string path)
    {
        try
        {
            return File.Exists(path) ? JsonSerializer.Deserialize(File.ReadAllText(path), RunOwnerJson.Default.RunOwner) : null;
        }
        // Half written, or damaged: an owner of which nothing is known.
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(RunOwner))]
sealed partial class RunOwnerJson : JsonSerializerContext;
