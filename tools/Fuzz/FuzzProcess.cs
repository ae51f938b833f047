using System.Diagnostics;
using System.Globalization;
using System.IO.MemoryMappedFiles;

namespace PerturbedForgetting.Fuzz;

/// <summary>Runs the mutants of a format in a process of their own, so that one that ends or hangs it is found too.</summary>
sealed class FuzzProcess(string format, int seed, int first, int count, TextWriter output)
{
    /// <summary>Hidden first argument of the process that does the work.</summary>
    public const string WorkerArgument = "--worker";

    static readonly TimeSpan LongestMutant = TimeSpan.FromSeconds(20), Pause = TimeSpan.FromMilliseconds(100),
        BetweenReports = TimeSpan.FromSeconds(10);

    readonly string shared = Path.GetTempFileName();
    readonly long started = Stopwatch.GetTimestamp();
    readonly List<Finding> findings = [];
    long peak, lastReport = Stopwatch.GetTimestamp();

    /// <summary>Runs all of them, and begins anew behind each that ended the process.</summary>
    public IReadOnlyList<Finding> Run()
    {
        try
        {
            File.WriteAllBytes(shared, new byte[sizeof(int)]);
            for (int next = first; next < first + count;)
                next = RunFrom(next);
        }
        finally
        {
            File.Delete(shared);
        }
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        output.WriteLine(
            Text($"{format}: {count} mutants, {count / seconds:0} a second, {peak >> 20} MB at most, {findings.Count} findings"));
        return findings;
    }

    /// <summary>The work of the other process: mutants from <paramref name="first"/> to before <paramref name="end"/>.</summary>
    public static int Work(string format, int seed, int first, int end, string shared, TextWriter output)
    {
        EndWithTheParent();
        using var file = MemoryMappedFile.CreateFromFile(shared, FileMode.Open);
        using MemoryMappedViewAccessor place = file.CreateViewAccessor(0, sizeof(int));
        using var worker = new FuzzWorker(FuzzTargets.Find(format), seed);
        for (int number = first; number < end; number++)
        {
            place.Write(0, number);
            if (worker.Try(number) is { } finding)
                output.WriteLine(Text($"{finding.Number} {finding.What.ReplaceLineEndings(" ")}"));
        }
        place.Write(0, end);
        return 0;
    }

    /// <summary>The input, into which nobody writes, ends when the process does that started this one.</summary>
    static void EndWithTheParent()
    {
        var wait = new Thread(static () =>
        {
            Console.In.Read();
            Environment.Exit(0);
        });
        wait.IsBackground = true;
        wait.Start();
    }

    /// <returns>The first mutant that is still to be run.</returns>
    int RunFrom(int start)
    {
        int end = first + count;
        using Process process = Process.Start(Command(start, end))!;
        process.OutputDataReceived += (_, line) => AddFinding(line.Data);
        process.BeginOutputReadLine();
        int last = start;
        long since = Stopwatch.GetTimestamp();
        while (!process.WaitForExit(Pause))
        {
            process.Refresh();
            peak = Math.Max(peak, Memory(process));
            int now = Math.Max(start, Current());
            if (now != last)
                (last, since) = (now, Stopwatch.GetTimestamp());
            Report(now);
            if (Stopwatch.GetElapsedTime(since) <= LongestMutant)
                continue;
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
            AddFinding(Text($"{now} does not end"));
            return now + 1;
        }
        process.WaitForExit();
        if (process.ExitCode == 0)
            return end;
        AddFinding(Text($"{Current()} ends the process with code {process.ExitCode}"));
        return Math.Max(start, Current()) + 1;
    }

    /// <summary>Bytes that a process has; 0 where it has ended meanwhile.</summary>
    static long Memory(Process process)
    {
        try
        {
            return process.WorkingSet64;
        }
        catch (InvalidOperationException)
        {
            return 0;
        }
    }

    int Current()
    {
        using var file = new FileStream(shared, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        Span<byte> number = stackalloc byte[sizeof(int)];
        return file.Read(number) == sizeof(int) ? BitConverter.ToInt32(number) : first;
    }

    void AddFinding(string? line)
    {
        int space = line?.IndexOf(' ') ?? -1;
        if (space <= 0 || !int.TryParse(line.AsSpan(0, space), NumberStyles.None, CultureInfo.InvariantCulture, out int number))
            return;
        var finding = new Finding(number, line![(space + 1)..]);
        lock (findings)
            findings.Add(finding);
        output.WriteLine(Text($"{format} {number}: {finding.What}"));
    }

    void Report(int now)
    {
        if (Stopwatch.GetElapsedTime(lastReport) < BetweenReports)
            return;
        lastReport = Stopwatch.GetTimestamp();
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds, rate = (now - first) / seconds;
        var left = TimeSpan.FromSeconds(Math.Min(1e6, (first + count - now) / rate));
        output.WriteLine(Text($@"{format}: {now - first} of {count}, {rate:0} a second, left {left:h\:mm\:ss}"));
    }

    ProcessStartInfo Command(int start, int end)
    {
        string program = Environment.ProcessPath!, own = typeof(FuzzProcess).Assembly.Location;
        bool isOwn = Path.GetFileNameWithoutExtension(program) == Path.GetFileNameWithoutExtension(own);
        string[] arguments = [WorkerArgument, format, Text($"{seed}"), Text($"{start}"), Text($"{end}"), shared];
        return new ProcessStartInfo(isOwn ? program : "dotnet", isOwn ? arguments : [own, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };
    }

    static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
