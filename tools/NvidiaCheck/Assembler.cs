using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace PerturbedForgetting.NvidiaCheck;

/// <summary>NVIDIA's assembler, <c>ptxas</c>.</summary>
/// <param name="path">The program.</param>
sealed partial class Assembler(string path)
{
    /// <summary>Its version, <c>12.4.131</c>.</summary>
    /// <exception cref="InvalidDataException">The program is none, or does not tell.</exception>
    public string Version() => VersionLine().Match(Start("--version").Output) is { Success: true } match
        ? match.Groups[1].Value
        : throw new InvalidDataException($"'{path}' does not tell a version; is it ptxas?");

    /// <summary>Assembles a file and forgets what it makes.</summary>
    /// <param name="file">A PTX file.</param>
    /// <param name="architecture">For which GPU.</param>
    public AssemblerLog Assemble(string file, string architecture)
    {
        string made = Path.GetTempFileName();
        try
        {
            (int code, string output) = Start("-v", "-arch=" + architecture, file, "-o", made);
            AssemblerLog log = AssemblerLog.Parse(output);
            return code == 0 ? log
                : log with { Remarks = [.. log.Remarks, string.Create(CultureInfo.InvariantCulture, $"ptxas ended with {code}")] };
        }
        finally
        {
            File.Delete(made);
        }
    }

    (int Code, string Output) Start(params string[] arguments)
    {
        ProcessStartInfo start = new(path, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output + error.Result);
    }

    [GeneratedRegex(@"\bV(\d+\.\d+\.\d+)\b")]
    private static partial Regex VersionLine();
}
