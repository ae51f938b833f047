using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Processes.Launching;

namespace PerturbedForgetting.Tests.Training.Processes;

/// <summary>Environments as the launchers leave them.</summary>
[TestFixture]
sealed class LaunchTests
{
    const string Torchrun = "RANK=3 WORLD_SIZE=4 LOCAL_RANK=1 LOCAL_WORLD_SIZE=2 MASTER_ADDR=node1 MASTER_PORT=29500 GROUP_RANK=1 "
        + "TORCHELASTIC_RUN_ID=none TORCHELASTIC_USE_AGENT_STORE=True TORCHELASTIC_RESTART_COUNT=0";

    const string OpenMpi = "OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_LOCAL_RANK=1 OMPI_COMM_WORLD_LOCAL_SIZE=2 "
        + "PMIX_RANK=1 PMIX_NAMESPACE=1896677377";

    const string Hydra = "PMI_RANK=1 PMI_SIZE=2 PMI_FD=8 MPI_LOCALRANKID=1 MPI_LOCALNRANKS=2";

    const string Step = "SLURM_JOB_ID=4711 SLURM_STEP_ID=0 SLURM_PROCID=5 SLURM_NTASKS=8 SLURM_STEP_NUM_TASKS=8 SLURM_LOCALID=1 "
        + "SLURM_STEP_NODELIST=gpu[07-08,11]";

    const string Batch = "SLURM_JOB_ID=4711 SLURM_PROCID=0 SLURM_NTASKS=8 SLURM_LOCALID=0 SLURM_JOB_NODELIST=gpu[07-08]";

    static Func<string, string?> Variables(string text)
    {
        var values = text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(static v => v.Split('=', 2))
            .ToDictionary(static v => v[0], static v => v[1]);
        return name => values.GetValueOrDefault(name);
    }

    static Launch? Find(string text) => Launch.Find(Variables(text));

    [TestCase(Torchrun, "torchrun", 3, 4, 1, 2)]
    [TestCase(OpenMpi, "mpirun of Open MPI", 1, 2, 1, 2)]
    [TestCase(Hydra, "mpirun of the MPICH family", 1, 2, 1, 2)]
    [TestCase(Step, "srun", 5, 8, 1, null)]
    [TestCase("RANK=0 WORLD_SIZE=2 MASTER_ADDR=a MASTER_PORT=1", "RANK and WORLD_SIZE", 0, 2, null, null)]
    [TestCase("SLURM_PROCID=1 SLURM_NTASKS=2 SLURM_LOCALID=1 MASTER_ADDR=a MASTER_PORT=1", "srun", 1, 2, 1, null)]
    // Of launchers within launchers the innermost counts.
    [TestCase(Step + " " + OpenMpi, "mpirun of Open MPI", 1, 2, 1, 2)]
    [TestCase(Step + " " + Torchrun, "torchrun", 3, 4, 1, 2)]
    [TestCase("SLURM_STEP_ID=1 SLURM_PROCID=0 SLURM_STEP_NUM_TASKS=2 SLURM_NTASKS=8 " + Hydra, "mpirun of the MPICH family", 1, 2, 1, 2)]
    [TestCase(Step + " PMI_RANK=5 PMI_SIZE=8", "srun", 5, 8, 1, null)]
    [TestCase(OpenMpi + " PERTURBED_FORGETTING_PARENT=9 " + "RANK=2 WORLD_SIZE=4 LOCAL_RANK=2", "--gpus", 2, 4, 2, null)]
    public void LaunchersAreRecognised(string variables, string title, int rank, int size, int? localRank, int? localSize)
    {
        var launch = Find(variables)!;
        Assert.That((launch.Title, launch.Rank, launch.Size, launch.LocalRank, launch.LocalSize),
            Is.EqualTo((title, rank, size, localRank, localSize)));
    }

    [TestCase("")]
    [TestCase(Batch)]
    [TestCase("RANK=0 WORLD_SIZE=1 MASTER_ADDR=a MASTER_PORT=1")]
    [TestCase("OMPI_COMM_WORLD_RANK=0 OMPI_COMM_WORLD_SIZE=1")]
    [TestCase("SLURM_JOB_ID=1 SLURM_STEP_ID=4294967290 SLURM_PROCID=0 SLURM_NTASKS=8 SLURM_STEP_NUM_TASKS=1", Description = "salloc")]
    [TestCase("RANK=1")]
    public void WhoeverIsStartedAloneIsAlone(string variables) => Assert.That(Find(variables), Is.Null);

    [Test]
    public void ABatchScriptThatStartsOneProcessIsToldOfTheOthers()
    {
        Assert.That(Launch.NoteOfBatch(Variables(Batch)), Does.Contain("8 tasks").And.Contain("srun"));
        Assert.That(Launch.NoteOfBatch(Variables(Step)), Is.Null);
        Assert.That(Launch.NoteOfBatch(Variables("")), Is.Null);
    }

    [TestCase("RANK=x WORLD_SIZE=2", "RANK: 'x' is not a whole number from 0 to 1")]
    [TestCase("RANK=2 WORLD_SIZE=2", "RANK: '2' is not a whole number from 0 to 1")]
    [TestCase("RANK=-1 WORLD_SIZE=2", "RANK: '-1'")]
    [TestCase("RANK=0 WORLD_SIZE=0", "WORLD_SIZE: '0'")]
    [TestCase("RANK=0 WORLD_SIZE=99999999999", "WORLD_SIZE: '99999999999'")]
    public void WhatIsNoNumberIsNamed(string variables, string words) =>
        Assert.That(() => Find(variables), Throws.TypeOf<OptionException>().With.Message.StartsWith(words));

    static Meeting? Meet(string text, int? parent = 7691) => Meeting.Find(Find(text)!, Variables(text), parent);

    /// <summary>The agent of torchrun holds the port itself.</summary>
    [TestCase(Torchrun, "node1", 29501)]
    [TestCase("RANK=0 WORLD_SIZE=2 MASTER_ADDR=10.1.2.3 MASTER_PORT=29500", "10.1.2.3", 29500)]
    [TestCase(Step + " MASTER_PORT=1234", "gpu07", 1234)]
    [TestCase(OpenMpi + " MASTER_ADDR=b MASTER_PORT=1234", "b", 1234)]
    public void TheFirstIsWhereTheEnvironmentSays(string variables, string host, int port)
    {
        var meeting = Meet(variables)!;
        Assert.That((meeting.Hosts.Single(), meeting.Ports[0], meeting.IsLocal), Is.EqualTo((host, port, false)));
        Assert.That(meeting.Ports, Has.Count.GreaterThan(4), "another program may have the first");
    }

    [TestCase(Step)]
    [TestCase(OpenMpi)]
    [TestCase(Hydra)]
    public void WithoutAPortAllTakeTheSameAndOtherRunsAnother(string variables)
    {
        var meeting = Meet(variables)!;
        Assert.That(Meet(variables)!.Ports, Is.EqualTo(meeting.Ports));
        Assert.That(meeting.Ports, Is.All.InRange(61440, 65535));
        string others = variables.Replace("4711", "4712", StringComparison.Ordinal).Replace("1896677377", "2", StringComparison.Ordinal);
        Assert.That(Meet(others, parent: 1)!.Ports, Is.Not.EqualTo(meeting.Ports));
    }

    [TestCase("OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=4 OMPI_COMM_WORLD_LOCAL_SIZE=2 PMIX_NAMESPACE=1")]
    [TestCase("PMI_RANK=1 PMI_SIZE=4 MPI_LOCALRANKID=1 MPI_LOCALNRANKS=2")]
    public void OnSeveralMachinesMpiTells(string variables) => Assert.That(Meet(variables), Is.Null);

    [TestCase("RANK=0 WORLD_SIZE=2", "MASTER_ADDR: is not set")]
    [TestCase("RANK=0 WORLD_SIZE=2 MASTER_ADDR=a", "MASTER_PORT: is not set")]
    [TestCase("RANK=0 WORLD_SIZE=2 MASTER_ADDR=a MASTER_PORT=99999", "MASTER_PORT: '99999' is not a port")]
    [TestCase("SLURM_STEP_ID=0 SLURM_PROCID=0 SLURM_NTASKS=2", "MASTER_ADDR: is not set")]
    public void WhatIsMissingIsNamed(string variables, string words) =>
        Assert.That(() => Meet(variables), Throws.TypeOf<OptionException>().With.Message.StartsWith(words));

    [TestCase("login", "login")]
    [TestCase("gpu[07-08,11]", "gpu07")]
    [TestCase("gpu[7]", "gpu7")]
    [TestCase("rack[2-3]n[04-09],login", "rack2n04")]
    [TestCase("a-1,b[2-3]", "a-1")]
    [TestCase("n001.cluster.example,n002", "n001.cluster.example")]
    [TestCase("", null)]
    [TestCase("gpu[", null)]
    [TestCase("gpu[x]", null)]
    [TestCase("gpu[1-2]; rm", null)]
    public void TheFirstNodeOfAListOfSlurm(string list, string? first) => Assert.That(SlurmNodes.First(list), Is.EqualTo(first));
}
