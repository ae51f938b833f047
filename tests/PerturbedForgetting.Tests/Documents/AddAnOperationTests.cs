using System.Diagnostics;
using System.Text.RegularExpressions;

namespace PerturbedForgetting.Tests.Documents;

/// <summary>
/// <c>docs/add-an-operation.md</c>, done in a copy of the sources: the page's blocks are put in their places, the copy is built, and the
/// catalogue's tests run over the new rows. The PTX is that of <c>Documents/AddAnOperation</c>, since not every machine has a compiler;
/// where clang 19 and CMake are found, it must be what they make of the page.
/// </summary>
[Parallelizable]
sealed partial class AddAnOperationTests
{
    const string Ptx = "kernels/ptx/sm_80";

    /// <summary>What the catalogue's tests are made of.</summary>
    static readonly string[] tests =
    [
        "TestRun.cs", "TestLog.cs", "TestDevices.cs", "Cuda/KernelDevices.cs", "Cuda/KernelFixture.cs", "Tensors/GradientCheck.cs",
        "Tensors/HessianCheck.cs", "Cuda/Kernels/Edges/LargeTensorFixture.cs", "ThreadsFixture.cs", "Tensors/Ops/Operation*.cs",
    ];

    static readonly string[] sources =
    [
        "kernels/include", Ptx, "src/PerturbedForgetting.Cuda", "src/PerturbedForgetting.Simulator", "src/PerturbedForgetting.Tensors",
    ];

    static readonly TimeSpan patience = TimeSpan.FromMinutes(10);

    static string Tests { get; } = Path.Combine(SourceTree.Root, "tests", "PerturbedForgetting.Tests");

    [Test]
    public void ThePageIsTrue()
    {
        using TempFolder copy = new();
        CopySources(copy.Path);
        string page = SourceTree.Page("add-an-operation.md");
        foreach (Match block in Blocks().Matches(page))
            Put(block.Groups["mark"].Value, copy[block.Groups["path"].Value], block.Groups["text"].Value);
        AddPtx(copy.Path);
        string project = WriteProject(copy.Path);
        Run("dotnet", copy.Path, "build", project, "-c", "Release", "-o", "out", "-nologo", "-clp:ErrorsOnly", "-nodeReuse:false",
            "-p:RunAnalyzers=false", "-p:UseSharedCompilation=false");
        string output = Run("dotnet", copy.Path, "out/PerturbedForgetting.Tests.dll", "--filter", "(?i)silu|layer_?scale|EveryOperation");
        Assert.That(output, Does.Match(@"\n[1-9]\d+ passed, 0 failed, 0 skipped"));
    }

    /// <summary>A fenced block whose first line says where it belongs.</summary>
    [GeneratedRegex(@"^```\w+\n(?<mark>//|\+\+\+) (?<path>(?:src|kernels)/\S+)\n(?<text>.*?)^```$",
        RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Blocks();

    static void Put(string mark, string file, string text)
    {
        if (mark == "//")
        {
            Assert.That(file, Does.Not.Exist);
            File.WriteAllText(file, text);
            return;
        }
        string[] lines = text.TrimEnd('\n').Split('\n');
        string before = Join(lines.Where(static l => l[0] != '+')), after = Join(lines.Where(static l => l[0] != '-'));
        string content = File.ReadAllText(file).ReplaceLineEndings("\n");
        Assert.That(Regex.Count(content, Regex.Escape(before)), Is.EqualTo(1), $"how often {file} has\n{before}");
        File.WriteAllText(file, content.Replace(before, after, StringComparison.Ordinal));

        static string Join(IEnumerable<string> lines) => string.Join('\n', lines.Select(static l => l[1..]));
    }

    static void CopySources(string copy)
    {
        foreach (string file in (string[])[".editorconfig", "Directory.Build.props", "Directory.Packages.props", "CMakeLists.txt"])
            File.Copy(Path.Combine(SourceTree.Root, file), Path.Combine(copy, file));
        foreach (string folder in sources)
            CopyFolder(Path.Combine(SourceTree.Root, folder), Path.Combine(copy, folder));
        Directory.CreateDirectory(Path.Combine(copy, "kernels", "nn"));
    }

    static void CopyFolder(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (string file in Directory.GetFiles(from))
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        foreach (string name in Directory.GetDirectories(from).Select(static f => Path.GetFileName(f)).Except(["bin", "obj", "test"]))
            CopyFolder(Path.Combine(from, name), Path.Combine(to, name));
    }

    static void AddPtx(string copy)
    {
        bool compiles = IsInstalled("clang-19") && IsInstalled("cmake");
        if (compiles)
        {
            Run("cmake", copy, "-S", ".", "-B", "kernels/build");
            Run("cmake", copy, "--build", "kernels/build", "--target", "kernels_sm_80");
        }
        foreach (string file in Directory.GetFiles(Path.Combine(Tests, "Documents", "AddAnOperation"), "*.ptx"))
        {
            string made = Path.Combine(copy, Ptx, Path.GetFileName(file));
            if (!compiles)
                File.Copy(file, made);
            Assert.That(File.ReadAllText(made), Is.EqualTo(File.ReadAllText(file)),
                $"{Path.GetFileName(file)} is not what clang makes of the page");
        }
    }

    /// <summary>The tests of the catalogue alone, beside the copy.</summary>
    static string WriteProject(string copy)
    {
        const string name = "Catalogue.csproj", Program = "Catalogue.cs";
        string files = string.Join(';', tests.Select(static file => Path.Combine(Tests, file)).Append(Program));
        File.WriteAllText(Path.Combine(copy, Program), "return PerturbedForgetting.Tests.TestRun.Execute(args, System.Console.Out);");
        File.WriteAllText(Path.Combine(copy, name), $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <AssemblyName>PerturbedForgetting.Tests</AssemblyName>
                <EnableDefaultCompileItems>false</EnableDefaultCompileItems>
                <UseAppHost>false</UseAppHost>
              </PropertyGroup>
              <ItemGroup>
                <Compile Include="{files}" />
                <Using Include="NUnit.Framework" />
                <Reference Include="{Path.Combine(TestContext.CurrentContext.TestDirectory, "nunit.framework.dll")}" />
                <ProjectReference Include="src/PerturbedForgetting.Simulator/PerturbedForgetting.Simulator.csproj" />
                <ProjectReference Include="src/PerturbedForgetting.Tensors/PerturbedForgetting.Tensors.csproj" />
              </ItemGroup>
            </Project>
            """);
        return name;
    }

    static bool IsInstalled(string program) =>
        Environment.GetEnvironmentVariable("PATH")!.Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, program)));

    /// <summary>Runs a program and returns its output; it must succeed.</summary>
    static string Run(string program, string folder, params string[] arguments)
    {
        ProcessStartInfo start = new(program == "dotnet" ? SourceTree.Dotnet : program, arguments) { WorkingDirectory = folder };
        // What a test run says to its own build is not for this one.
        foreach (string variable in start.Environment.Keys.Where(static k => k.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase))
            .ToList())
            start.Environment.Remove(variable);
        var (exitCode, output) = ChildProcess.Run(start, patience);
        Assert.That(exitCode, Is.Zero, $"{program} {string.Join(' ', arguments)}\n{output}");
        return output;
    }
}
