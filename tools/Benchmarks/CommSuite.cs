using System.Diagnostics;
using System.Globalization;

namespace Benchmarks;

/// <summary>
/// The mean of float32 values over two processes of this machine, by each MPI that is installed: the rate at which the tensor is reduced,
/// beside the rate at which the machine copies memory. Of a tensor of n bytes each process reads n, adds n of the other and writes n, so
/// that the least is three passes by two processes where the other's memory can be read at once.
/// </summary>
static class CommSuite
{
    const int Processes = 2, Rounds = 21;

    static readonly long[] sizes = [1_000_000, 10_000_000, 100_000_000];

    public static void Run(SuiteOptions options, Figures figures)
    {
        string[] launchers = [.. MpiRun.Launchers[..2].Where(name => options.Includes(name) && MpiRun.Find(name) is not null)];
        // Where the two are not told apart by their names, there is the one of the system.
        if (launchers.Length == 0)
            launchers = [.. MpiRun.Launchers[2..].Where(name => options.Includes(name) && MpiRun.Find(name) is not null).Take(1)];
        if (launchers.Length == 0)
            throw new UsageException("there is no mpirun: install Open MPI or MPICH (Debian: apt install openmpi-bin mpich).");
        double copy = 1 / Roof.Memory().Median;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"memory: {copy:F1} GB/s copied (read and written)"));
        Console.WriteLine($"{"all-reduce, 2 processes",-36}{"MB",8}{"ms",10}{"best",10}{"GB/s",8}{"of copy",9}");
        foreach (string launcher in launchers)
            Measure(launcher, copy, figures);
    }

    static void Measure(string launcher, double copy, Figures figures)
    {
        string program = Environment.ProcessPath!;
        // Started as "dotnet Benchmarks.dll".
        string[] self = Path.GetFileNameWithoutExtension(program) == "dotnet" ? [Environment.GetCommandLineArgs()[0]] : [];
        ProcessStartInfo start = MpiRun.Start(MpiRun.Find(launcher)!, Processes, program,
            [.. self, CommMember.Name, Text(Rounds), .. sizes.Select(size => Text(size))]);
        start.RedirectStandardOutput = true;
        using var process = Process.Start(start)!;
        string library = launcher;
        while (process.StandardOutput.ReadLine() is { } line)
        {
            // A launcher that gives its processes a terminal has what prepares one in the first line.
            string[] words = line[(line.LastIndexOf('=') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words is [CommMember.Library, .. var name])
                library = string.Join(' ', name);
            if (words is not [CommMember.Exact or CommMember.Rounded, var bytes, .. var texts])
                continue;
            double[] seconds = [.. texts.Select(text => double.Parse(text, CultureInfo.InvariantCulture)).Order()];
            double size = double.Parse(bytes, CultureInfo.InvariantCulture), median = seconds[seconds.Length / 2];
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{library + ", " + words[0],-36}{size / 1e6,8:F0}{median * 1e3,10:F2}{seconds[0] * 1e3,10:F2}{size / median / 1e9,8:F2}"
                + $"{size / median / 1e9 / copy,9:P0}"));
            figures.Add($"comm/{launcher}/{words[0]}/{bytes}", "s", seconds);
        }
        process.WaitForExit();
        if (process.ExitCode != 0)
            Console.Error.WriteLine($"{launcher} failed with exit code {process.ExitCode}.");
    }

    static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
