using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using System.Text;
using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Cli.Commands;

/// <summary><c>devices</c>: what the engine can run on.</summary>
sealed class DevicesCommand : ICliCommand
{
    public CommandHelp Help { get; } = new("devices", "", "List the devices of this machine.", ["devices"]);

    public void Configure(Command command)
    {
    }

    public int Run(ParseResult parsed, Terminal terminal)
    {
        terminal.Out.WriteLine("cpu");
        Line("processor", ProcessorName());
        Line("threads", Environment.ProcessorCount.ToString(CultureInfo.InvariantCulture));
        Line("instructions", CpuInfo.InstructionSet);
        Line("memory", $"{Gibibytes(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes)} GiB");
        Line("system", $"{RuntimeInformation.OSDescription}, {RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}, {RuntimeInformation.FrameworkDescription}");
        return ExitCodes.Success;

        void Line(string name, string value) => terminal.Out.WriteLine($"  {name,-14}{value}");
    }

    static string Gibibytes(long bytes) => (bytes / (double)(1L << 30)).ToString("0.0", CultureInfo.InvariantCulture);

    static string ProcessorName()
    {
        if (X86Base.IsSupported && (uint)X86Base.CpuId(unchecked((int)0x80000000), 0).Eax >= 0x80000004)
            return BrandString();
        string? windows = Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER");
        return windows ?? $"{RuntimeInformation.ProcessArchitecture}";
    }

    /// <summary>The 48 characters that x86 processors tell about themselves.</summary>
    static string BrandString()
    {
        Span<int> words = stackalloc int[12];
        for (int i = 0; i < 3; i++)
            (words[4 * i], words[4 * i + 1], words[4 * i + 2], words[4 * i + 3]) = X86Base.CpuId(unchecked((int)(0x80000002 + i)), 0);
        return Encoding.ASCII.GetString(MemoryMarshal.AsBytes(words)).Trim('\0', ' ');
    }
}
