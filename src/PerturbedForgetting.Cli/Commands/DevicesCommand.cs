using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using System.Text;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Cuda.Libraries;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Distributed.Mpi;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Cli.Commands;

/// <summary><c>devices</c>: what the engine can run on.</summary>
sealed class DevicesCommand : ICliCommand
{
    readonly Option<bool> verbose = new("--verbose");

    public CommandHelp Help { get; } = new("devices", "[options]", "List the devices of this machine.", ["devices", "devices --verbose"])
    {
        Options = [("--verbose", "also NVIDIA's libraries and MPI: where each was looked for, what was found, what a missing one costs")],
    };

    public void Configure(Command command) => command.Options.Add(verbose);

    public int Run(ParseResult parsed, Terminal terminal)
    {
        WriteCpu(terminal.Out);
        WriteGpus(terminal.Out, CudaDriverApi.Installed);
        using SimulatedDriver simulated = SoftwareGpu.Create();
        terminal.Out.WriteLine("sim");
        Line(terminal.Out, "processor", "software GPU: runs the CUDA kernels on the processor and checks every access; slow");
        WriteGpu(terminal.Out, CudaDevice.All(simulated.Api)[0]);
        if (parsed.GetValue(verbose))
        {
            LibraryListing.Write(terminal.Out, CudaLibraries.Installed, LibrarySearch.Open, CudaDriverApi.InstalledVersion());
            MpiListing.Write(terminal.Out, MpiLauncher.Current, MpiSearch.Open, MpiSearch.Open);
        }
        return ExitCodes.Success;
    }

    static void WriteCpu(TextWriter output)
    {
        output.WriteLine("cpu");
        Line(output, "processor", ProcessorName());
        Line(output, "threads", Environment.ProcessorCount.ToString(CultureInfo.InvariantCulture));
        Line(output, "instructions", CpuInfo.InstructionSet);
        Line(output, "memory", $"{Gibibytes(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes)} GiB");
        Line(output, "system", $"{RuntimeInformation.OSDescription}, "
            + $"{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}, {RuntimeInformation.FrameworkDescription}");
    }

    /// <summary>The real GPUs, or why there are none.</summary>
    internal static void WriteGpus(TextWriter output, CudaDriverApi api)
    {
        string reason = api.IsSupported ? "the driver shows no GPU" : api.Origin;
        try
        {
            foreach (CudaDevice device in CudaDevice.All(api))
            {
                reason = "";
                output.WriteLine($"cuda:{device.Ordinal.ToString(CultureInfo.InvariantCulture)}");
                Line(output, "processor", device.Name);
                WriteGpu(output, device);
                Line(output, "bus", device.PciBusId);
            }
        }
        catch (CudaException e)
        {
            // What does not work is worth a line, and no reason to hide the other devices.
            reason = e.Message;
        }
        if (reason.Length == 0)
            return;
        output.WriteLine("cuda");
        Line(output, "none", reason);
    }

    static void WriteGpu(TextWriter output, CudaDevice device)
    {
        Line(output, "memory", $"{Gibibytes(device.TotalMemory)} GiB");
        Line(output, "capability", $"{device.ComputeCapability / 10}.{device.ComputeCapability % 10}");
        Line(output, "processors", device.MultiprocessorCount.ToString(CultureInfo.InvariantCulture));
        Line(output, "driver", $"CUDA {PtxCompatibility.CudaVersionText(device.DriverVersion)}");
        if (CudaRequirements.WhyUnusable(device) is { } reason)
            Line(output, "unusable", reason);
    }

    static void Line(TextWriter output, string name, string value) => output.WriteLine($"  {name,-14}{ParameterNames.Translate(value)}");

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
