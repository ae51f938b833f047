using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda.Libraries;

namespace PerturbedForgetting.Tests.Cuda.Libraries;

/// <summary>Where NCCL is found.</summary>
sealed class NcclSearchTests
{
    const string Packages = "env/lib/python3.12/site-packages";

    [Test]
    public void AWheelComesBeforeTheSystem()
    {
        using LibraryMachine machine = new();
        machine.Set("VIRTUAL_ENV", machine.At("env"));
        Assert.That(machine.Open(CudaLibrary.Nccl).Origin,
            Does.StartWith("libnccl.so.2 is in none of").And.EndsWith("(another path: PERTURBED_FORGETTING_NCCL)"));
        foreach (string folder in new[] { "usr/lib/x86_64-linux-gnu", Packages + "/torch/lib", Packages + "/nvidia/nccl/lib", "named" })
        {
            string path = Path.Join(machine.Put(folder, "libnccl.so.2"), "libnccl.so.2");
            if (folder == "named")
                machine.Set("PERTURBED_FORGETTING_NCCL", path);
            LibraryReport report = machine.Open(CudaLibrary.Nccl);
            Assert.That((report.State, report.Origin), Is.EqualTo((LibraryState.Found, path)));
        }
        machine.Set("PERTURBED_FORGETTING_NCCL", "none");
        Assert.That(machine.Open(CudaLibrary.Nccl).State, Is.EqualTo(LibraryState.Hidden));
    }

    [Test]
    public void ThereIsNoneForWindows()
    {
        using LibraryMachine machine = new(OSPlatform.Windows);
        LibraryReport report = machine.Open(CudaLibrary.Nccl);
        Assert.That((report.State, report.Origin), Is.EqualTo((LibraryState.Missing, "there is no NCCL for this system")));
    }
}
