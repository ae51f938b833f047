using System.Text;
using PerturbedForgetting.Simulator.Execution;
using PerturbedForgetting.Simulator.Memory;
using PerturbedForgetting.Tensors.Backends.Cuda;

namespace PerturbedForgetting.Tests.Cuda.Kernels;

/// <summary>The PTX that ships is understood by the software GPU, every file of it.</summary>
public class EmbeddedKernelsTests
{
    static IEnumerable<string> Files => KernelFiles.Used.Names;

    [TestCaseSource(nameof(Files))]
    public void FileIsCompiled(string file)
    {
        string text = Encoding.UTF8.GetString(KernelFiles.Used.Read(file));
        if (KernelFiles.Used == KernelFiles.Embedded)
            Assert.That(text, Does.Not.Contain("\"/"), "an absolute path");
        using var memory = new DeviceMemory(1 << 20);
        using DeviceModule module = DeviceModule.Load(file, text, memory);
        Assert.That(module.Kernels, Is.Not.Empty);
        Assert.That(module.Kernels, Has.All.StartsWith(file), "a kernel's name begins with its file's");
    }

    /// <summary>A fault names the line of the CUDA source, though the compiler lists the files behind the code.</summary>
    [Test]
    public unsafe void AFaultNamesTheSourceLine()
    {
        using var memory = new DeviceMemory(1 << 20);
        using DeviceModule module =
            DeviceModule.Load("elementwise", Encoding.UTF8.GetString(KernelFiles.Used.Read("elementwise")), memory);
        module.TryFindKernel("elementwise_add", out KernelProgram kernel);
        byte* arguments = stackalloc byte[32];
        new Span<byte>(arguments, 32).Clear();
        *(long*)(arguments + 24) = 4;
        Assert.That(() => new Launch(kernel, memory, new Extent(1), new Extent(256), 0, arguments).Run(new Counters(), 1),
            Throws.TypeOf<DeviceFault>().With.Message.Match(@"elementwise_add: elementwise\.ptx:\d+ \(\S*\.cuh:\d+\): "
                + @"block \(0, 0, 0\), thread \(0, 0, 0\): load of 16 bytes at 0x0"));
    }
}
