using PerturbedForgetting.Training.Checkpoints;

namespace PerturbedForgetting.Tests.Training.Checkpoints;

[TestFixture]
sealed class RunLockTests : TempFolderFixture
{
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    string OwnerPath => folder[RunLock.OwnerName];

    RunLock Take() => RunLock.Take(folder.Path, _ => { }, Patience);

    [Test]
    public void ASecondRunIsToldWhoIsThere()
    {
        using (Take())
            Assert.That(() => Take(), Throws.InstanceOf<CheckpointException>().With.Message.Contains(Environment.MachineName)
                .And.Message.Contains($"process {Environment.ProcessId} ").And.Message.Contains("--experiment"));
        Take().Dispose();
        Assert.That(Directory.GetFiles(folder.Path).Select(Path.GetFileName), Is.EqualTo(new[] { ".run.lock" }));
    }

    /// <summary>The lock itself goes with its owner; what the owner said of itself stays.</summary>
    [TestCase("""{"process":4711,"host":"HOST","started":"2026-01-31T12:00:00+00:00"}""")]
    [TestCase("""{"process":47""")]
    [TestCase("")]
    [TestCase("null")]
    public void TheLockOfADeadOwnerOfThisMachineIsTaken(string left)
    {
        File.WriteAllText(OwnerPath, left.Replace("HOST", Environment.MachineName, StringComparison.Ordinal));
        Take().Dispose();
    }

    /// <summary>On a file system without locks another machine's run is known by its signs of life only.</summary>
    [Test]
    public void AnotherMachineIsBelievedAsLongAsItGivesSigns()
    {
        File.WriteAllText(OwnerPath, """{"process":4711,"host":"elsewhere","started":"2026-01-31T12:00:00+00:00"}""");
        var lines = new List<string>();
        using (new Timer(_ => File.SetLastWriteTimeUtc(OwnerPath, DateTime.UtcNow), null, 0, 100))
            Assert.That(() => RunLock.Take(folder.Path, lines.Add, Patience),
                Throws.InstanceOf<CheckpointException>().With.Message.Contains("process 4711 on elsewhere, since 2026-01-31 12:00:00Z"));
        Assert.That(lines, Has.Exactly(1).Items.And.All.Contain("waiting 1 s"));
        Take().Dispose();
    }

    [Test]
    public void AFolderThatIsRemovedIsNoticedAndTakenAgain()
    {
        using var owned = Take();
        Assert.That(owned.IsThere, Is.True);
        Directory.Delete(folder.Path, recursive: true);
        Assert.That(owned.IsThere, Is.False);
        owned.Renew();
        Assert.That(owned.IsThere, Is.True);
        Assert.That(() => Take(), Throws.InstanceOf<CheckpointException>());
    }

    [Test]
    public void AFolderThatCannotBeMadeIsAnError()
    {
        File.WriteAllText(folder["file"], "");
        Assert.That(() => RunLock.Take(folder[Path.Combine("file", "run")], _ => { }), Throws.InstanceOf<IOException>());
    }
}
