using System.Globalization;
using System.Text.RegularExpressions;

namespace PerturbedForgetting.NvidiaCheck;

/// <summary>What <c>ptxas -v</c> prints for a file.</summary>
/// <param name="Kernels">Its kernels.</param>
/// <param name="Remarks">Every line that does not tell what a kernel uses: warnings, errors, hints at lost speed.</param>
sealed partial record AssemblerLog(IReadOnlyList<KernelUse> Kernels, IReadOnlyList<string> Remarks)
{
    /// <summary>Reads it.</summary>
    public static AssemblerLog Parse(string text)
    {
        List<KernelUse> kernels = [];
        List<string> remarks = [];
        string? kernel = null;
        int local = 0;
        foreach (string line in text.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (Entry().Match(line) is { Success: true } entry)
                (kernel, local) = (entry.Groups[1].Value, 0);
            else if (Stack().Match(line) is { Success: true } stack)
                local = Math.Max(local, Math.Max(Number(stack, 1), Math.Max(Number(stack, 2), Number(stack, 3))));
            else if (kernel is not null && Used().Match(line) is { Success: true } used)
            {
                kernels.Add(new(kernel, Number(used, 1), local, Shared().Match(line) is { Success: true } shared ? Number(shared, 1) : 0));
                kernel = null;
            }
            else if (!Known().IsMatch(line))
                remarks.Add(line);
        }
        return new(kernels, remarks);
    }

    static int Number(Match match, int group) => int.Parse(match.Groups[group].ValueSpan, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^ptxas info\s*: Compiling entry function '(\w+)' for '\w+'$")]
    private static partial Regex Entry();

    [GeneratedRegex(@"^(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads$")]
    private static partial Regex Stack();

    [GeneratedRegex(@"^ptxas info\s*: Used (\d+) registers\b")]
    private static partial Regex Used();

    [GeneratedRegex(@"\b(\d+) bytes smem\b")]
    private static partial Regex Shared();

    [GeneratedRegex(@"^ptxas info\s*: (Function properties for \w+|\d+ bytes gmem(, \d+ bytes cmem\[\d+\])*|Compile time = .*)$")]
    private static partial Regex Known();
}
