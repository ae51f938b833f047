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
}
