using System.Collections.Concurrent;
using System.CommandLine;
using PerturbedForgetting.Cuda.Blas;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Cuda.Nccl;

namespace PerturbedForgetting.NvidiaCheck;

/// <summary>Command line of the program that <c>tools/nvidia-check.sh</c> gives NVIDIA's tools to.</summary>
static class App
{
    const int Good = 0, Found = 1, Wrong = 2;

    /// <summary>Runs a command line and returns the exit code: 0 good, 1 with findings, 2 when the command is wrong.</summary>
    public static int Run(IReadOnlyList<string> arguments, TextWriter output)
    {
        RootCommand root = new("Checks the kernels with NVIDIA's own tools; tools/nvidia-check.sh gets the tools and calls this.")
        {
            Kernels(output),
            Libraries(output),
            Nccl(output),
        };
        ParseResult result = root.Parse(arguments);
        if (result.Errors.Count == 0)
            return result.Invoke();
        foreach (string message in result.Errors.Select(e => e.Message).Distinct())
            Console.Error.WriteLine($"error: {message}");
        return Wrong;
    }

    static Command Libraries(TextWriter output)
    {
        Command command = new("libraries", "Calls the driver and cuBLAS as far as that goes without a GPU.");
        command.SetAction(_ =>
        {
            LibraryChecks checks = new(CudaDriverApi.Installed, CublasApi.Installed, CublasLtApi.Installed);
            IReadOnlyList<string> findings = checks.Run();
            return Report($"{CudaDriverApi.Installed.Origin}, {CublasApi.Installed.Origin}", checks.Count, findings, output);
        });
        return command;
    }

    static Command Nccl(TextWriter output)
    {
        Command command = new("nccl", "Calls NCCL as far as that goes without a GPU.");
        command.SetAction(_ =>
        {
            NcclChecks checks = new(NcclApi.Installed);
            IReadOnlyList<string> findings = checks.Run();
            return Report($"{NcclApi.Installed.Origin}, version {NcclApi.Installed.Version}", checks.Count, findings, output);
        });
        return command;
    }

    static int Report(string libraries, int answers, IReadOnlyList<string> findings, TextWriter output)
    {
        foreach (string finding in findings)
            output.WriteLine(finding);
        output.WriteLine($"{libraries}: {answers} answers, {findings.Count} findings");
        return findings.Count > 0 ? Found : Good;
    }

    static Command Kernels(TextWriter output)
    {
        Option<string> assembler = new("--ptxas") { HelpName = "PATH", Required = true, Description = "NVIDIA's assembler" };
        Option<string?> linker = new("--nvjitlink") { HelpName = "PATH", Description = "NVIDIA's linker as a library" };
        Option<string> folder = new("--ptx") { HelpName = "FOLDER", Required = true, Description = "the kernels' PTX" };
        Option<string> table = new("--table") { HelpName = "FILE", Required = true, Description = "the committed table" };
        Option<bool> update = new("--update") { Description = "write the table again" };
        Command command = new("kernels", "Assembles all kernels and compares what they use with the committed table.")
        {
            assembler, linker, folder, table, update,
        };
        command.SetAction(parsed =>
        {
            try
            {
                return CheckKernels(new(parsed.GetValue(assembler)!), parsed.GetValue(linker), parsed.GetValue(folder)!,
                    parsed.GetValue(table)!, parsed.GetValue(update), output);
            }
            catch (Exception e) when (e is IOException or InvalidDataException or FormatException or UnauthorizedAccessException
                or System.ComponentModel.Win32Exception or DllNotFoundException or EntryPointNotFoundException)
            {
                Console.Error.WriteLine($"error: {e.Message}");
                return Wrong;
            }
        });
        return command;
    }

    static int CheckKernels(Assembler assembler, string? linker, string folder, string tableFile, bool update, TextWriter output)
    {
        string version = assembler.Version();
        OccupancyTable table = File.Exists(tableFile) ? OccupancyTable.Parse(File.ReadAllText(tableFile)) : new(version, []);
        KernelSurvey survey = KernelSurvey.Take(assembler, folder, table.Rows);
        List<string> findings = [.. survey.Remarks];
        if (linker is not null)
            findings.AddRange(Link(new(linker), folder));
        OccupancyTable now = new(version, survey.Rows);
        if (update)
            File.WriteAllText(tableFile, now.ToString());
        else
        {
            if (version != table.Assembler)
                output.WriteLine($"The table is of ptxas {table.Assembler}; this one is {version}.");
            findings.AddRange(TableComparison.Regressions(survey.Rows, table.Rows));
            if (findings.Count == 0 && now.ToString() != table.ToString())
                output.WriteLine("Some kernels need less, or a few registers more, than the table says: --update writes it again.");
        }
        findings.AddRange(TableComparison.Violations(survey.Rows));
        foreach (string finding in findings.Distinct())
            output.WriteLine(finding);
        output.WriteLine($"ptxas {version}: {survey.Rows.Count} kernels of {KernelSurvey.FilesOf(folder).Length} files for "
            + $"{string.Join(", ", Architecture.All.Select(static a => a.Name))}: {findings.Distinct().Count()} findings");
        return findings.Count > 0 ? Found : Good;
    }

    static IEnumerable<string> Link(JitLinker linker, string folder)
    {
        ConcurrentBag<string> findings = [];
        string architecture = Architecture.All[^1].Name;
        Parallel.ForEach(KernelSurvey.FilesOf(folder), file =>
        {
            foreach (string said in linker.Link(file, architecture))
                findings.Add($"{Path.GetFileName(file)} for {architecture}, nvJitLink: {said}");
        });
        return findings.Order(StringComparer.Ordinal);
    }
}
