using System.Runtime.InteropServices;

namespace PerturbedForgetting.Vision;

/// <summary>What a path leads to, through symbolic links. .NET tells neither what kind of file it is nor which.</summary>
/// <param name="IsRegular">A file with contents: no folder, pipe, socket or device.</param>
/// <param name="Device">The file system; with <paramref name="Inode"/> it tells whether two paths lead to the same file.</param>
/// <param name="Inode">The number in the file system.</param>
readonly partial record struct FileStatus(bool IsRegular, ulong Device, ulong Inode)
{
    // statx(2); its structure is the same on all machines.
    const int CurrentFolder = -100, TypeAndInode = 0x101, Size = 256;
    const int ModeAt = 28, InodeAt = 32, DeviceAt = 136, Kind = 0xF000, Regular = 0x8000;

    /// <summary>Looks a path up; null where it leads nowhere, or where the system does not tell.</summary>
    public static FileStatus? Of(string path)
    {
        if (!OperatingSystem.IsLinux())
            return null;
        Span<byte> status = stackalloc byte[Size];
        try
        {
            if (Statx(CurrentFolder, path, 0, TypeAndInode, ref MemoryMarshal.GetReference(status)) != 0)
                return null;
        }
        catch (EntryPointNotFoundException)
        {
            return null;
        }
        return new FileStatus((Read<ushort>(status, ModeAt) & Kind) == Regular, Read<ulong>(status, DeviceAt),
            Read<ulong>(status, InodeAt));
    }

    static T Read<T>(ReadOnlySpan<byte> status, int at) where T : struct => MemoryMarshal.Read<T>(status[at..]);

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int folder, string path, int flags, uint mask, ref byte status);
}
