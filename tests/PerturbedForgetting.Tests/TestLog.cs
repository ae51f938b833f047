using System.Text.Json;

namespace PerturbedForgetting.Tests;

/// <summary>
/// What a run of tests writes as it goes, one JSON object a line, so that whatever ends the process leaves what is known: <c>planned</c>
/// (how many tests), <c>begin</c> (a test's name), <c>end</c> (its name, with <c>state</c> and <c>why</c>), <c>stop</c> (why the others
/// did not run). A later run with the same file goes on behind it.
/// </summary>
sealed class TestLog : IDisposable
{
    /// <summary>Of tests that have ended.</summary>
    public const string Passed = "passed", Failed = "failed", Skipped = "skipped";

    // A message may be a page of differences.
    const int LongestReason = 2000;

    readonly StreamWriter writer;
    readonly HashSet<string> ended = [];
    readonly HashSet<string> begun = [];

    /// <summary>Opens a log, or makes it. A test that begun in it and did not end took the process with it: it counts as failed and is not
    /// run again.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public TestLog(string path)
    {
        if (File.Exists(path))
            Read(path);
        writer = new StreamWriter(path, append: true) { AutoFlush = true };
        foreach (string name in begun.Except(ended).Order().ToArray())
            End(name, Failed, "the process ended while it ran");
    }

    /// <summary>Full names of the tests that need not run any more.</summary>
    public IReadOnlySet<string> Ended => ended;

    /// <summary>How many of them failed.</summary>
    public int Failures { get; private set; }

    /// <summary>Tests of the whole group, those that have ended among them.</summary>
    public void Planned(int tests) => Line(json => json.WriteNumber("planned", tests));

    /// <summary>A test begins.</summary>
    public void Begin(string name) => Line(json => json.WriteString("begin", name));

    /// <summary>It is done.</summary>
    public void End(string name, string state, string? why)
    {
        Note(name, state);
        Line(json =>
        {
            json.WriteString("end", name);
            json.WriteString("state", state);
            if (!string.IsNullOrEmpty(why))
                json.WriteString("why", why.Length > LongestReason ? why[..LongestReason] : why);
        });
    }

    /// <summary>The tests that are left do not run.</summary>
    public void Stop(string why) => Line(json => json.WriteString("stop", why));

    public void Dispose() => writer.Dispose();

    void Note(string name, string state)
    {
        ended.Add(name);
        Failures += state == Failed ? 1 : 0;
    }

    void Line(Action<Utf8JsonWriter> members)
    {
        using MemoryStream line = new();
        using (Utf8JsonWriter json = new(line))
        {
            json.WriteStartObject();
            members(json);
            json.WriteEndObject();
        }
        writer.WriteLine(System.Text.Encoding.UTF8.GetString(line.ToArray()));
    }

    void Read(string path)
    {
        foreach (string line in File.ReadLines(path))
        {
            try
            {
                using var json = JsonDocument.Parse(line);
                if (json.RootElement.TryGetProperty("begin", out JsonElement first))
                    begun.Add(first.GetString()!);
                else if (json.RootElement.TryGetProperty("end", out JsonElement last))
                    Note(last.GetString()!, json.RootElement.GetProperty("state").GetString()!);
            }
            // The last line of a process that was killed.
            catch (JsonException)
            {
            }
        }
    }
}
