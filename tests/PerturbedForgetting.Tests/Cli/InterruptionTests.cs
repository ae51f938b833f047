using PerturbedForgetting.Cli;

namespace PerturbedForgetting.Tests.Cli;

[TestFixture]
sealed class InterruptionTests
{
    [TestCase(ExitCodes.Interrupted)]
    [TestCase(ExitCodes.Terminated)]
    public void TheFirstSignalAsksTheSecondEnds(int exitCode)
    {
        StringWriter error = new();
        List<int> exits = [];
        using Interruption interruption = new(error, exits.Add);
        interruption.Signal(exitCode);
        Assert.That((interruption.Token.IsCancellationRequested, interruption.ExitCode, exits.Count), Is.EqualTo((true, exitCode, 0)));
        Assert.That(error.ToString(), Does.Contain("signal again"));
        interruption.Signal(ExitCodes.Terminated);
        Assert.That(exits, Is.EqualTo(new[] { ExitCodes.Terminated }));
        Assert.That(interruption.ExitCode, Is.EqualTo(exitCode));
    }

    /// <summary>A terminal that closes may signal twice, from the kernel and from the shell, and cannot be written to.</summary>
    [Test]
    public void ATerminalThatClosesAsksHoweverOftenItSaysSo()
    {
        List<int> exits = [];
        using Interruption interruption = new(new ClosedTerminal(), exits.Add);
        interruption.Signal(ExitCodes.HungUp);
        interruption.Signal(ExitCodes.HungUp);
        Assert.That((interruption.Token.IsCancellationRequested, interruption.ExitCode, exits.Count), Is.EqualTo((true, 129, 0)));
    }

    sealed class ClosedTerminal : StringWriter
    {
        public override void WriteLine(string? value) => throw new IOException("Input/output error");
    }
}
