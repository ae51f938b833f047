namespace PerturbedForgetting.Vision.Imaging;

/// <summary>Errors of a read that lie with the disk, the network or another program, and may be gone a moment later. A file that is
/// missing, may not be read, or is damaged is none of them.</summary>
static class TransientErrors
{
    // EINTR, EIO, EAGAIN, EBUSY, ENFILE, EMFILE, and those of networks: ENETDOWN, ENETUNREACH, ENETRESET, ECONNABORTED, ECONNRESET,
    // ENOTCONN, ETIMEDOUT, EHOSTDOWN, EHOSTUNREACH, ESTALE, EREMOTEIO.
    static readonly HashSet<int> linux = [4, 5, 11, 16, 23, 24, 100, 101, 102, 103, 104, 107, 110, 112, 113, 116, 121];

    static readonly HashSet<int> macOS = [4, 5, 16, 23, 24, 35, 50, 51, 52, 53, 54, 57, 60, 64, 65, 70];

    // ERROR_NOT_READY, SHARING_VIOLATION, LOCK_VIOLATION, REM_NOT_LIST, BAD_NETPATH, NETWORK_BUSY, DEV_NOT_EXIST, BAD_NET_RESP,
    // UNEXP_NET_ERR, NETNAME_DELETED, SEM_TIMEOUT, IO_DEVICE, DEVICE_NOT_CONNECTED, NETWORK_UNREACHABLE, HOST_UNREACHABLE,
    // CONNECTION_ABORTED, TIMEOUT.
    static readonly HashSet<int> windows = [21, 32, 33, 51, 53, 54, 55, 58, 59, 64, 121, 1117, 1167, 1231, 1232, 1236, 1460];

    /// <summary>The code, as .NET reports it on this system, of another program having the file for itself.</summary>
    public static int Locked { get; } = OperatingSystem.IsWindows() ? FromWin32(32) : OperatingSystem.IsMacOS() ? 35 : 11;

    /// <summary>The code of a device that fails to read.</summary>
    public static int Device { get; } = OperatingSystem.IsWindows() ? FromWin32(1117) : 5;

    /// <summary>Whether an error is of this kind.</summary>
    public static bool Include(IOException e) => e is ShortReadException
        || (OperatingSystem.IsWindows() ? e.HResult >>> 16 == 0x8007 && windows.Contains(e.HResult & 0xFFFF)
            : (OperatingSystem.IsMacOS() ? macOS : linux).Contains(e.HResult));

    static int FromWin32(int code) => unchecked((int)0x80070000) | code;
}

/// <summary>A read that ended before its file does: the file changes while it is read, or a file system lies about its length.</summary>
/// <param name="read">Bytes that were read.</param>
/// <param name="expected">Bytes that the file has.</param>
sealed class ShortReadException(long read, long expected) : IOException(
    FormattableString.Invariant($"reading ended after {read} of {expected} bytes, or the file changed meanwhile"));
