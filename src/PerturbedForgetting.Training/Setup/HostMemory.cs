using System.Globalization;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Training.Setup;

/// <summary>The most memory this process can have.</summary>
/// <param name="Bytes">How much.</param>
/// <param name="Origin">What says so, in words.</param>
sealed record HostMemory(long Bytes, string Origin)
{
    const string ControlGroups = "/sys/fs/cgroup", ControlGroupLimit = "the limit of this process's control group";

    /// <summary>Whether tensors on a device take this memory: those of the CPU, and of the software GPU.</summary>
    public static bool Feeds(Device device, RunOptions options) => device == Device.Cpu || options.Device == "sim";

    /// <summary>The tightest of what the machine has, what control groups (both versions) allow, and the limit on addresses.</summary>
    public static HostMemory Find()
    {
        List<HostMemory> limits = [new(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes, "what this machine offers a process")];
        if (OperatingSystem.IsLinux())
        {
            // Of the machine, where the runtime has already set some of a group's memory apart.
            limits[0] = Kilobytes("/proc/meminfo", "MemTotal:") is { } memory ? new(memory, "the memory of this machine") : limits[0];
            limits.AddRange(OfGroups(Lines("/proc/self/cgroup"), ControlGroups).Select(bytes => new HostMemory(bytes, ControlGroupLimit)));
            if (Addresses(Lines("/proc/self/limits")) is { } addresses && Kilobytes("/proc/self/status", "VmSize:") is { } used)
                limits.Add(new(Math.Max(0, addresses - used), "what ulimit -v leaves"));
        }
        return limits.MinBy(l => l.Bytes)!;
    }

    /// <summary>What this process can still take: no more than the machine has free, and than its limit leaves.</summary>
    public static long Free()
    {
        long free = Find().Bytes - Environment.WorkingSet;
        if (OperatingSystem.IsLinux() && Kilobytes("/proc/meminfo", "MemAvailable:") is { } available)
            free = Math.Min(free, available);
        return Math.Max(0, free);
    }

    /// <summary>Limits of the groups that a process is in, and of those above them.</summary>
    /// <param name="memberships">Lines of <c>/proc/self/cgroup</c>: number:controllers:path; version 2 has no controllers.</param>
    /// <param name="root">Where groups are mounted.</param>
    internal static IEnumerable<long> OfGroups(IEnumerable<string> memberships, string root)
    {
        foreach (string[] parts in memberships.Select(l => l.Split(':', 3)).Where(p => p.Length == 3))
        {
            bool isSecond = parts[1].Length == 0;
            if (!isSecond && !parts[1].Split(',').Contains("memory"))
                continue;
            string mount = isSecond ? root : Path.Combine(root, "memory");
            // In a container the group's own folder is often the mount itself, and the path is the host's.
            for (string path = parts[2].Trim('/'); ; path = Path.GetDirectoryName(path) ?? "")
            {
                string file = Path.Combine(mount, path, isSecond ? "memory.max" : "memory.limit_in_bytes");
                if (Lines(file) is [var text, ..] && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long bytes))
                    yield return bytes;
                if (path.Length == 0)
                    break;
            }
        }
    }

    /// <summary>The soft limit on addresses, from <c>/proc/self/limits</c>; null where there is none.</summary>
    internal static long? Addresses(IEnumerable<string> limits)
    {
        const string name = "Max address space";
        string? line = limits.FirstOrDefault(l => l.StartsWith(name, StringComparison.Ordinal));
        string? soft = line?[name.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries).FirstOrDefault();
        return long.TryParse(soft, NumberStyles.None, CultureInfo.InvariantCulture, out long bytes) ? bytes : null;
    }

    static long? Kilobytes(string file, string name)
    {
        string? line = Lines(file).FirstOrDefault(l => l.StartsWith(name, StringComparison.Ordinal));
        string? number = line?[name.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries).FirstOrDefault();
        return long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out long kilobytes) ? kilobytes << 10 : null;
    }

    static string[] Lines(string file)
    {
        try
        {
            return File.ReadAllLines(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
