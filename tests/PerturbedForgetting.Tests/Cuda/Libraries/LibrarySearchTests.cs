using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda.Libraries;

namespace PerturbedForgetting.Tests.Cuda.Libraries;

/// <summary>Where libraries are looked for, and in which order.</summary>
sealed class LibrarySearchTests
{
    const string Packages = "venv/lib/python3.12/site-packages";

    [Test]
    public void TheNearerPlaceWins()
    {
        // From the last place to the first: what is put next must be what is found next.
        using LibraryMachine machine = new();
        machine.Set("VIRTUAL_ENV", machine.At("venv"));
        machine.Set("CONDA_PREFIX", machine.At("conda"));
        machine.Set("HOME", machine.At("home"));
        machine.Set("CUDA_HOME", machine.At("cuda"));
        machine.Set("PATH", machine.At("tools") + Path.PathSeparator + machine.At("python/bin"));
        machine.Set("LD_LIBRARY_PATH", machine.At("other") + Path.PathSeparator + machine.At("more"));
        machine.Put("python/bin", "python3");
        foreach (string folder in new[]
        {
            "usr/local/lib", "usr/lib64", "usr/lib/x86_64-linux-gnu", "opt/cuda/lib64", "usr/local/cuda-12.4/targets/x86_64-linux/lib",
            "usr/local/cuda-12.10/lib64", "usr/local/cuda/lib64", "cuda/lib", "more", "other",
        })
        {
            machine.Put(folder, "libcublas.so.12");
            Found(machine, folder);
        }
        machine.OfTheSystem.Add("libcublas.so.12");
        Assert.That(machine.Open(CudaLibrary.Cublas).Origin, Is.EqualTo("libcublas.so.12"));
        foreach (string folder in new[]
        {
            "conda/lib", "usr/lib/python3/dist-packages/nvidia/cublas/lib", "usr/local/lib/python3.11/site-packages/nvidia/cublas/lib",
            "python/lib/python3.12/site-packages/nvidia/cublas/lib", "home/.local/lib/python3.9/site-packages/torch/lib",
            "home/.local/lib/python3.12/site-packages/nvidia/cublas/lib", "conda/lib/python3.12/site-packages/nvidia/cu13/lib",
            Packages + "/nvidia/cublas/lib",
        })
        {
            machine.Put(folder, "libcublas.so.12");
            Found(machine, folder);
        }
        machine.Set("PERTURBED_FORGETTING_CUDA_LIBRARIES", machine.At("given"));
        machine.Put("given/nvidia/cublas/lib", "libcublas.so.12");
        Found(machine, "given/nvidia/cublas/lib");
        machine.Put("given", "libcublas.so.12");
        Found(machine, "given");
        machine.Set("PERTURBED_FORGETTING_CUBLAS", Path.Join(machine.Put("named", "libcublas.so.12"), "libcublas.so.12"));
        Found(machine, "named");
        machine.Set("PERTURBED_FORGETTING_CUBLAS", "none");
        LibraryReport hidden = machine.Open(CudaLibrary.Cublas);
        Assert.That((hidden.State, hidden.Handle, hidden.Origin),
            Is.EqualTo((LibraryState.Hidden, (nint)0, "hidden by PERTURBED_FORGETTING_CUBLAS=none")));
    }

    [TestCase(13000, "libcublas.so.13")]
    [TestCase(13010, "libcublas.so.13")]
    [TestCase(12090, "libcublas.so.12")]
    public void TheDriverDecidesTheMajorVersion(int driverVersion, string expected)
    {
        using LibraryMachine machine = new(driverVersion: driverVersion);
        machine.Set("CUDA_PATH", machine.At("cuda"));
        machine.Put("cuda/lib64", "libcublas.so.12", "libcublas.so.13");
        Assert.That(machine.Open(CudaLibrary.Cublas).Origin, Is.EqualTo(machine.At("cuda/lib64/" + expected)));
    }

    [Test]
    public void LibrariesOfAnotherVersionAreNamedWhenNoOtherIsThere()
    {
        using LibraryMachine machine = new();
        machine.Set("CUDA_PATH", machine.At("cuda"));
        machine.Put("cuda/lib64", "libcublas.so.13", "libcudnn.so.8");
        LibraryReport cublas = machine.Open(CudaLibrary.Cublas), cudnn = machine.Open(CudaLibrary.Cudnn);
        Assert.That((cublas.State, cublas.Handle, cudnn.State, cudnn.Handle),
            Is.EqualTo((LibraryState.WrongVersion, (nint)0, LibraryState.WrongVersion, (nint)0)));
        Assert.That(cublas.Origin, Does.Contain(machine.At("cuda/lib64/libcublas.so.13"))
            .And.Contain("driver for CUDA 13.0 (Linux: 580.65 or newer)").And.Contain("CUDA 12.8"));
        Assert.That(cudnn.Origin, Does.Contain("cuDNN 8; the engine needs cuDNN 9"));
        machine.Put("usr/lib64", "libcublas.so.12");
        Found(machine, "usr/lib64");
    }

    [Test]
    public void TheOtherHalfOfCublasIsLoadedFirstAndFromTheSameFolder()
    {
        using LibraryMachine machine = new();
        machine.Set("VIRTUAL_ENV", machine.At("venv"));
        string wheel = machine.Put(Packages + "/nvidia/cublas/lib", "libcublas.so.12", "libcublasLt.so.12");
        string named = machine.Put("named", "libcublas.so.12", "libcublasLt.so.12");
        machine.Open(CudaLibrary.Cublas);
        Assert.That(machine.Loaded, Is.EqualTo(new[] { Path.Join(wheel, "libcublasLt.so.12"), Path.Join(wheel, "libcublas.so.12") }));
        machine.Set("PERTURBED_FORGETTING_CUBLAS", Path.Join(named, "libcublas.so.12"));
        Assert.That(machine.Open(CudaLibrary.CublasLt).Origin, Is.EqualTo(Path.Join(named, "libcublasLt.so.12")));
        machine.Broken.Add("libcublasLt.so.12");
        Assert.That(machine.Open(CudaLibrary.Cublas).Origin,
            Does.Contain("libcublasLt.so.12 beside it cannot be loaded: invalid ELF header"));
    }

    [Test]
    public void APathThatIsNamedIsTheOnlyOneTried([Values("absent", "broken", "old", "stub", "empty folder", "unknown name")] string what)
    {
        using LibraryMachine machine = new();
        machine.Set("CUDA_PATH", machine.At("cuda"));
        machine.Put("cuda/lib64", "libcublas.so.12");
        machine.Broken.Add("libbroken.so");
        machine.Set("PERTURBED_FORGETTING_CUBLAS", what switch
        {
            "absent" => machine.At("nowhere/libcublas.so.12"),
            "broken" => Path.Join(machine.Put("a", "libbroken.so"), "libbroken.so"),
            "old" => Path.Join(machine.Put("a", "libcublas.so.11"), "libcublas.so.11"),
            "stub" => Path.Join(machine.Put("a/stubs", "libcublas.so.12"), "libcublas.so.12"),
            "empty folder" => machine.Put("a"),
            _ => "libunheard.so",
        });
        LibraryReport report = machine.Open(CudaLibrary.Cublas);
        Assert.That(report.State, Is.EqualTo(what == "old" ? LibraryState.WrongVersion : LibraryState.Unusable));
        Assert.That((report.Handle, report.IsNamed, report.Tried.Count), Is.EqualTo(((nint)0, true, 1)));
        Assert.That(report.Origin, Does.Contain(what switch
        {
            "broken" => "invalid ELF header",
            "old" => "the engine needs cuBLAS 12 or 13",
            "stub" => "stand-in",
            "unknown name" => "the system's loader finds none",
            "empty folder" => "none there",
            _ => "not there",
        }));
        Assert.That(machine.Loaded, Is.Empty);
    }

    [Test]
    public void StandInsOfTheToolkitAreLeftOut()
    {
        using LibraryMachine machine = new();
        machine.Set("LD_LIBRARY_PATH", machine.Put("cuda/lib64/stubs", "libcublas.so.12"));
        Assert.That(machine.Open(CudaLibrary.Cublas).State, Is.EqualTo(LibraryState.Unusable));
        machine.Put("usr/lib64", "libcublas.so.12");
        Found(machine, "usr/lib64");
    }

    [Test]
    public void EveryPlaceThatWasTriedIsReported()
    {
        using LibraryMachine machine = new();
        machine.Set("VIRTUAL_ENV", machine.At("venv"));
        machine.Put(Packages + "/torch/lib", "libtorch.so");
        LibraryReport report = machine.Open(CudaLibrary.Nvtx);
        Assert.That(report.State, Is.EqualTo(LibraryState.Missing));
        Assert.That(report.Origin,
            Does.Match(
            @"^libnvtx3interop\.so\.1 or libnvToolsExt\.so\.1 is in none of \d+ places \(another path: PERTURBED_FORGETTING_NVTX\)"));
        Assert.That(report.Tried, Does.Contain(new LibraryAttempt(machine.At(Packages + "/nvidia/nvtx/lib"), LibraryAttempt.NoFolder))
            .And.Contain(new LibraryAttempt(machine.At(Packages + "/torch/lib"), "none there"))
            .And.Contain(new LibraryAttempt("libnvtx3interop.so.1", "the system's loader finds none")));
    }

    [Test]
    public void TheDriverIsTheSystems()
    {
        using LibraryMachine machine = new();
        machine.Put("usr/local/cuda/lib64", "libcuda.so.1");
        Assert.That(machine.Open(CudaLibrary.Driver).Tried.Select(attempt => attempt.Path),
            Is.EqualTo(new[] { "libcuda.so.1", machine.At("usr/lib/wsl/lib"), machine.At("run/opengl-driver/lib") }));
        machine.Put("usr/lib/wsl/lib", "libcuda.so.1");
        Assert.That(machine.Open(CudaLibrary.Driver).Origin, Is.EqualTo(machine.At("usr/lib/wsl/lib/libcuda.so.1")));
    }

    [Test]
    public void WindowsHasNamesAndFoldersOfItsOwn()
    {
        using LibraryMachine machine = new(OSPlatform.Windows, driverVersion: 13000);
        machine.OfTheSystem.Add("nvcuda.dll");
        Assert.That(machine.Open(CudaLibrary.Driver).Origin, Is.EqualTo("nvcuda.dll"));
        machine.Set("ProgramFiles", machine.At("programs"));
        machine.Set("CONDA_PREFIX", machine.At("conda"));
        machine.Set("LOCALAPPDATA", machine.At("local"));
        machine.Set("PATH", machine.At("python") + Path.PathSeparator + machine.At("bin"));
        machine.Put("python", "python.exe");
        foreach ((string folder, string file) in new[]
        {
            ("programs/NVIDIA GPU Computing Toolkit/CUDA/v12.9/bin", "cublas64_12.dll"),
                ("programs/NVIDIA GPU Computing Toolkit/CUDA/v13.0/bin/x64", "cublas64_13.dll"),
            ("bin", "cublas64_12.dll"), ("conda/Library/bin", "cublas64_12.dll"),
            ("local/Programs/Python/Python312/Lib/site-packages/nvidia/cublas/bin", "cublas64_12.dll"),
            ("python/Lib/site-packages/torch/lib", "cublas64_12.dll"),
            ("conda/Lib/site-packages/nvidia/cu13/bin/x86_64", "cublas64_13.dll"),
        })
        {
            machine.Put(folder, file);
            Found(machine, folder, file);
        }
    }

    [Test]
    public void ArmHasFoldersOfItsOwn()
    {
        using LibraryMachine machine = new(architecture: Architecture.Arm64);
        machine.Put("usr/lib/x86_64-linux-gnu", "libcublas.so.12");
        Assert.That(machine.Open(CudaLibrary.Cublas).State, Is.EqualTo(LibraryState.Missing));
        foreach (string folder in new[] { "usr/lib/aarch64-linux-gnu", "usr/local/cuda/targets/sbsa-linux/lib" })
        {
            machine.Put(folder, "libcublas.so.12");
            Found(machine, folder);
        }
    }

    [Test]
    public void OtherSystemsHaveNone([Values] CudaLibrary library)
    {
        using LibraryMachine machine = new(OSPlatform.OSX);
        LibraryReport report = machine.Open(library);
        Assert.That((report.State, report.Tried.Count), Is.EqualTo((LibraryState.Missing, 0)));
        Assert.That(report.Origin, Does.EndWith("for this system"));
    }

    [Test]
    public void AFileThatIsNoLibraryIsRefusedByTheRealLoader()
    {
        using LibraryMachine machine = new();
        string path = Path.Join(machine.Put("a", "libcublas.so.12"), "libcublas.so.12");
        (nint handle, string problem) = LibraryEnvironment.Machine.Load(path);
        Assert.That((handle, problem.Length > 0), Is.EqualTo(((nint)0, true)));
    }

    [Test]
    public void ThisMachineIsSearchedOnce([Values] CudaLibrary library) =>
        Assert.That(LibrarySearch.Open(library), Is.SameAs(LibrarySearch.Open(library)));

    static void Found(LibraryMachine machine, string folder, string file = "libcublas.so.12")
    {
        LibraryReport report = machine.Open(CudaLibrary.Cublas);
        Assert.That(report.Origin, Is.EqualTo(Path.Join(machine.At(folder), file)));
        Assert.That(report.State, Is.EqualTo(LibraryState.Found));
        Assert.That(report.Handle, Is.Not.Zero);
        Assert.That(report.Tried[^1].Outcome, Is.EqualTo("loaded"));
    }
}
