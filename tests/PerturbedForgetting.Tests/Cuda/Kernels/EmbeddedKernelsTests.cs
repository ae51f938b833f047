using System.Text;
using PerturbedForgetting.Simulator.Execution;
using PerturbedForgetting.Simulator.Memory;
using PerturbedForgetting.Tensors.Backends.Cuda;

namespace PerturbedForgetting.Tests.Cuda.Kernels;

/// <summary>The PTX that ships is understood by the software GPU, every file of it.</summary>
public class EmbeddedKernelsTests
{
    static IEnumerable<string> Files => KernelLibrary.Files;

    [TestCaseSource(nameof(Files))]
    public void FileIsCompiled(string file)
    {
        string text = Encoding.UTF8.GetString(KernelLibrary.ReadImage(file));
        Assert.That(text, Does.Not.Contain("\"/"), "an absolute path");
        using var memory = new DeviceMemory(1 << 20);
        using DeviceModule module = DeviceModule.Load(file, text, memory);
        Assert.That(module.Kernels, Is.Not.Empty);
        Assert.That(module.Kernels, Has.All.StartsWith(file), "a kernel's name begins with its file's");
    }
}
