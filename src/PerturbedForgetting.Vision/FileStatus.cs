using System.Runtime.InteropServices;

namespace PerturbedForgetting.Vision;

/// <summary>What kind of file a path leads to, which .NET does not tell.</summary>
static partial class FileStatus
{
    // statx(2); its structure is the same on all machines.
    const int CurrentFolder = -100, OnlyType = 1, Size = 256, ModeAt = 28, Kind = 0xF000, Regular = 0x8000;

    /// <summary>Whether a path leads, through symbolic links, to a folder, pipe, socket or device. Where it leads nowhere, or the system
    /// does not tell, false.</summary>
    public static bool IsSpecial(string path)
    {
        if (!OperatingSystem.IsLinux())
            return false;
        Span<byte> status = stackalloc byte[Size];
        try
        {
            return Statx(CurrentFolder, path, 0, OnlyType, ref MemoryMarshal.GetReference(status)) == 0
                && (MemoryMarshal.Read<ushort>(status[ModeAt..]) & Kind) != Regular;
        }
        catch (EntryPointNotFoundException)
        {
            return false;
        }
    }

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int folder, string path, int flags, uint mask, ref byte status);
}
