using PerturbedForgetting.Cuda.Libraries;

namespace PerturbedForgetting.Tests.Cuda.Libraries;

/// <summary>cuDNN ends the process when one of its parts is not found; no search may come to that.</summary>
sealed class CudnnSearchTests
{
    static readonly string[] files =
    [
        "libcudnn_graph.so.9", "libcudnn_engines_precompiled.so.9", "libcudnn_engines_runtime_compiled.so.9", "libcudnn_heuristic.so.9",
        "libcudnn_ops.so.9", "libcudnn_cnn.so.9", "libcudnn_adv.so.9", "libcudnn.so.9",
    ];

    [Test]
    public void AllPartsAreLoadedBeforeTheShim()
    {
        using LibraryMachine machine = new();
        machine.Set("LD_LIBRARY_PATH", machine.Put("a", files));
        LibraryReport report = machine.Open(CudaLibrary.Cudnn);
        Assert.That(report.Origin, Is.EqualTo(machine.At("a/libcudnn.so.9")));
        Assert.That(machine.Loaded, Is.EqualTo(files.Select(file => machine.At("a/" + file))));
    }

    [Test]
    public void PartsOfNewReleasesAreLoadedWhereTheyAre()
    {
        using LibraryMachine machine = new();
        machine.Set("LD_LIBRARY_PATH", machine.Put("a", [.. files, "libcudnn_ext.so.9", "libcudnn_engines_tensor_ir.so.9"]));
        machine.Open(CudaLibrary.Cudnn);
        Assert.That(machine.Loaded.Count, Is.EqualTo(files.Length + 2));
        Assert.That(machine.Loaded[^1], Is.EqualTo(machine.At("a/libcudnn.so.9")));
    }

    [Test]
    public void CublasComesFirst()
    {
        using LibraryMachine machine = new();
        machine.Set("LD_LIBRARY_PATH", machine.Put("a", [.. files, "libcublas.so.12", "libcublasLt.so.12"]));
        machine.Open(CudaLibrary.Cudnn);
        Assert.That(machine.Loaded.Take(2), Is.EqualTo(new[] { machine.At("a/libcublasLt.so.12"), machine.At("a/libcublas.so.12") }));
    }

    [Test]
    public void AFolderWithoutOnePartIsRefused([Range(0, 6)] int missing)
    {
        using LibraryMachine machine = new();
        machine.Set("LD_LIBRARY_PATH", machine.Put("a", [.. files.Where((_, i) => i != missing)]));
        LibraryReport report = machine.Open(CudaLibrary.Cudnn);
        Assert.That((report.State, report.Handle), Is.EqualTo((LibraryState.Unusable, (nint)0)));
        Assert.That(report.Origin, Does.Contain(machine.At("a/libcudnn.so.9"))
            .And.Contain($"{files[missing]} is not beside it, and cuDNN would end the process"));
        Assert.That(machine.Loaded, Is.Empty);
        // Parts of two folders do not make a whole; a whole one further on does.
        machine.Put("usr/local/cuda/lib64", files[missing], "libcudnn.so.9");
        Assert.That(machine.Open(CudaLibrary.Cudnn).State, Is.EqualTo(LibraryState.Unusable));
        machine.Put("usr/lib64", files);
        Assert.That(machine.Open(CudaLibrary.Cudnn).Origin, Is.EqualTo(machine.At("usr/lib64/libcudnn.so.9")));
    }

    [Test]
    public void APartThatCannotBeLoadedKeepsTheShimAway([Range(0, 6)] int broken)
    {
        using LibraryMachine machine = new();
        machine.Broken.Add(files[broken]);
        machine.Set("PERTURBED_FORGETTING_CUDNN", machine.Put("a", files));
        LibraryReport report = machine.Open(CudaLibrary.Cudnn);
        Assert.That((report.State, report.IsNamed), Is.EqualTo((LibraryState.Unusable, true)));
        Assert.That(report.Origin, Does.Contain($"{files[broken]} beside it cannot be loaded"));
        Assert.That(machine.Loaded, Has.None.EndsWith("libcudnn.so.9"));
    }

    [Test]
    public void TheWheelIsFoundForBothVersionsOfCuda([Values(12080, 13000)] int driverVersion)
    {
        using LibraryMachine machine = new(driverVersion: driverVersion);
        machine.Set("VIRTUAL_ENV", machine.At("venv"));
        machine.Put("venv/lib/python3.12/site-packages/nvidia/cudnn/lib", files);
        Assert.That(machine.Open(CudaLibrary.Cudnn).State, Is.EqualTo(LibraryState.Found));
    }
}
