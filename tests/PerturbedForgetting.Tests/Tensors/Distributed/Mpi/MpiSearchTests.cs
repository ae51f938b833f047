using System.Runtime.InteropServices;
using PerturbedForgetting.Cli.Commands;
using PerturbedForgetting.Cuda.Libraries;
using PerturbedForgetting.Tensors.Distributed.Mpi;
using PerturbedForgetting.Tests.Cuda.Libraries;

namespace PerturbedForgetting.Tests.Tensors.Distributed.Mpi;

/// <summary>Where MPI is looked for, in which order, and which of several libraries is taken.</summary>
sealed class MpiSearchTests
{
    const string OpenMpi = "libmpi.so.40", Mpich = "libmpich.so.12", Shared = "libmpi.so.12";

    // Libraries export what they have when they are asked: these two know no others.
    static readonly FakeMpi openMpi = new(1, MpiFamily.OpenMpi), mpich = new(1, MpiFamily.Mpich);

    [OneTimeTearDown]
    public void Free()
    {
        openMpi.Dispose();
        mpich.Dispose();
    }

    [Test]
    public void TheNearerPlaceWins()
    {
        // From the last place to the first: what is put next must be what is found next.
        using LibraryMachine machine = new();
        machine.Set("OMPI_COMM_WORLD_RANK", "0");
        machine.Set("PATH", string.Join(Path.PathSeparator, machine.At("usr/bin"), machine.At("tools/bin"), machine.At("far/bin")));
        machine.Set("LD_LIBRARY_PATH", machine.At("other"));
        machine.Set("MPI_HOME", machine.At("home"));
        machine.Set("OPAL_PREFIX", machine.At("prefix"));
        machine.Put("usr/bin", "mpirun");
        machine.Put("tools/bin", "mpiexec");
        machine.Put("far/bin", "mpirun");
        foreach (string folder in new[] { "usr/local/lib", "usr/lib64", "usr/lib/x86_64-linux-gnu", "usr/lib64/openmpi/lib" })
        {
            machine.Put(folder, OpenMpi);
            Assert.That(Open(machine).Api.Origin, Is.EqualTo(machine.At($"{folder}/{OpenMpi}")));
        }
        machine.OfTheSystem.Add(OpenMpi);
        Assert.That(Open(machine).Api.Origin, Is.EqualTo(OpenMpi));
        foreach (string folder in new[] { "far/lib64", "tools/lib", "other", "home/lib", "prefix/lib64", "prefix/lib" })
        {
            machine.Put(folder, OpenMpi);
            Assert.That(Open(machine).Api.Origin, Is.EqualTo(machine.At($"{folder}/{OpenMpi}")));
        }
        machine.Set("PERTURBED_FORGETTING_MPI", Path.Join(machine.Put("named", Mpich), Mpich));
        MpiReport named = Open(machine);
        Assert.That((named.Api.Origin, named.Api.Family, named.IsNamed),
            Is.EqualTo((machine.At($"named/{Mpich}"), MpiFamily.Mpich, true)));
        machine.Set("PERTURBED_FORGETTING_MPI", "none");
        MpiReport hidden = Open(machine);
        Assert.That((hidden.State, hidden.Api.IsSupported, hidden.Api.Origin),
            Is.EqualTo((LibraryState.Hidden, false, "hidden by PERTURBED_FORGETTING_MPI=none")));
    }

    [TestCase("OMPI_COMM_WORLD_RANK", MpiFamily.OpenMpi)]
    [TestCase("PMI_RANK", MpiFamily.Mpich)]
    [TestCase("PMIX_RANK", MpiFamily.OpenMpi)]
    [TestCase("SLURM_PROCID", MpiFamily.OpenMpi)]
    public void TheLauncherDecidesTheFamily(string variable, MpiFamily expected)
    {
        using LibraryMachine machine = new();
        machine.OfTheSystem.UnionWith([OpenMpi, Mpich]);
        machine.Set(variable, "0");
        Assert.That(Open(machine).Api.Family, Is.EqualTo(expected));
        // What only prefers one takes the other.
        if (expected == MpiFamily.Mpich || variable == "OMPI_COMM_WORLD_RANK")
            return;
        machine.OfTheSystem.Remove(OpenMpi);
        Assert.That(Open(machine).Api.Family, Is.EqualTo(MpiFamily.Mpich));
    }

    [Test]
    public void ALibraryOfAnotherLauncherIsNotTaken()
    {
        using LibraryMachine machine = new();
        machine.OfTheSystem.Add(Mpich);
        machine.Set("OMPI_COMM_WORLD_RANK", "1");
        MpiReport report = Open(machine);
        Assert.That((report.State, report.Api.IsSupported), Is.EqualTo((LibraryState.Missing, false)));
        Assert.That(report.Api.Origin, Does.StartWith("libmpi.so.40 is in none of ").And.EndsWith(
            "(another path: PERTURBED_FORGETTING_MPI); mpirun of Open MPI started this process and needs its own library"));
    }

    /// <summary>Open MPI 1.10 had the name that the MPICH family has.</summary>
    [Test]
    public void TheFamilyIsToldByTheExports()
    {
        using LibraryMachine machine = new();
        machine.Set("PMI_RANK", "0");
        machine.Put("usr/lib64", Shared);
        MpiReport report = Open(machine, _ => openMpi.Export);
        Assert.That(report.State, Is.EqualTo(LibraryState.Unusable));
        Assert.That(report.Api.Origin, Does.EndWith("libmpi.so.12 cannot be used: it is of another family (Open MPI)"));
        machine.Put("usr/lib64", Mpich);
        Assert.That(Open(machine, handle => machine.Loaded[(int)handle - 1].EndsWith(Mpich, StringComparison.Ordinal)
            ? mpich.Export : openMpi.Export).Api.Origin, Is.EqualTo(machine.At("usr/lib64/" + Mpich)));
    }

    [TestCase("MPI_Get_library_version", "is no MPI library of version 3 or later")]
    [TestCase("MPI_Ibarrier", "cannot be used: it lacks MPI_Ibarrier")]
    [TestCase("ompi_mpi_op_max", "cannot be used: it lacks ompi_mpi_op_max")]
    public void ALibraryThatLacksSomethingIsNotUsed(string lacking, string reason)
    {
        using LibraryMachine machine = new();
        machine.OfTheSystem.Add(OpenMpi);
        MpiReport report = Open(machine, _ => name => name == lacking ? 0 : openMpi.Export(name));
        Assert.That((report.State, report.Api.Origin), Is.EqualTo((LibraryState.Unusable, $"{OpenMpi} {reason}")));
        Assert.That(() => MpiProcess.Start(report.Api), Throws.TypeOf<PerturbedForgetting.Tensors.Distributed.CommunicationException>()
            .With.Message.Contains(reason).And.Message.Contains("apt install openmpi-bin"));
    }

    [TestCase("nowhere/lib.so", "not there"), TestCase("broken", "invalid ELF header"), TestCase("empty", "none there")]
    public void APathThatIsNamedIsTheOnlyOneTried(string path, string reason)
    {
        using LibraryMachine machine = new();
        machine.OfTheSystem.Add(OpenMpi);
        machine.Put("empty");
        machine.Put(".", "broken");
        machine.Broken.Add("broken");
        machine.Set("PERTURBED_FORGETTING_MPI", machine.At(path));
        MpiReport report = Open(machine);
        Assert.That((report.State, report.IsNamed), Is.EqualTo((LibraryState.Unusable, true)));
        Assert.That(report.Api.Origin, Does.Contain(reason));
        Assert.That(machine.Loaded, Is.Empty);
    }

    [Test]
    public void OnWindowsItIsMicrosofts()
    {
        using LibraryMachine machine = new(OSPlatform.Windows);
        machine.Set("SystemRoot", machine.At("Windows"));
        machine.Put("Windows/System32", "msmpi.dll");
        Assert.That(Open(machine).Api.Origin, Is.EqualTo(Path.Join(machine.At("Windows/System32"), "msmpi.dll")));
    }

    [Test]
    public void AProgramThatIsALinkLeadsToItsLibrary()
    {
        using LibraryMachine machine = new();
        machine.Put("opt/mpi/bin", "orterun");
        machine.Put("opt/mpi/lib", OpenMpi);
        machine.Put("usr/bin");
        machine.Set("PATH", machine.At("usr/bin"));
        File.CreateSymbolicLink(machine.At("usr/bin/mpirun"), machine.At("opt/mpi/bin/orterun"));
        Assert.That(Open(machine).Api.Origin, Is.EqualTo(machine.At("opt/mpi/lib/" + OpenMpi)));
    }

    [Test]
    public void WhatIsFoundIsListed()
    {
        using LibraryMachine machine = new();
        machine.OfTheSystem.Add(Mpich);
        machine.Set("PMI_RANK", "0");
        StringWriter output = new();
        MpiListing.Write(output, MpiLauncher.Recognise(machine.Environment.Variable), () => Open(machine), family =>
        {
            using LibraryMachine other = new();
            other.Set(family == MpiFamily.OpenMpi ? "OMPI_COMM_WORLD_RANK" : "PMI_RANK", "0");
            other.OfTheSystem.Add(Mpich);
            return Open(other);
        });
        string text = output.ToString().ReplaceLineEndings("\n");
        Assert.That(text, Does.StartWith("MPI\n    started by  mpiexec of the MPICH family\n"
            + "  Open MPI\n    state       not used: libmpi.so.40 is in none of "));
        Assert.That(text, Does.Contain("  MPICH family\n    version     Test MPI v1.2, a build\n    from        libmpich.so.12\n"
            + "    state       used\n"));
        Assert.That(text, Does.Contain("looked at   libmpi.so.12: the system's loader finds none\n"));
    }

    [Test]
    public void WhatIsHiddenIsSaid()
    {
        using LibraryMachine machine = new();
        machine.Set("PERTURBED_FORGETTING_MPI", "none");
        StringWriter output = new();
        MpiListing.Write(output, null, () => Open(machine), _ => throw new InvalidOperationException());
        Assert.That(output.ToString().ReplaceLineEndings("\n"), Is.EqualTo("""
            MPI
              PERTURBED_FORGETTING_MPI
                state       not used: hidden by PERTURBED_FORGETTING_MPI=none
                without it  several processes cannot train on CPUs, and mpirun cannot start them
                remedy      unset PERTURBED_FORGETTING_MPI

            """.ReplaceLineEndings("\n")));
    }

    static MpiReport Open(LibraryMachine machine) => Open(machine, handle =>
        machine.Loaded[(int)handle - 1].EndsWith(OpenMpi, StringComparison.Ordinal) ? openMpi.Export : mpich.Export);

    static MpiReport Open(LibraryMachine machine, Func<nint, Func<string, nint>> exports) => MpiSearch.Open(machine.Environment, exports);
}
