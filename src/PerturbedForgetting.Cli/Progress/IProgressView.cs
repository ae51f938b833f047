using PerturbedForgetting.Training.Progress;

namespace PerturbedForgetting.Cli.Progress;

/// <summary>Shows a run to a person or a log.</summary>
interface IProgressView : ITrainingObserver
{
    /// <summary>Runs the work while the view is shown.</summary>
    void Run(Action work);
}

/// <summary>Chooses the view for a place to write to.</summary>
static class ProgressViews
{
    /// <summary>A live bar where a person watches, lines otherwise.</summary>
    /// <param name="terminal">Where to write.</param>
    /// <param name="logInterval">Steps between two lines.</param>
    public static IProgressView Create(Terminal terminal, int logInterval) =>
        terminal.IsInteractive ? new LiveProgressView(terminal) : new PlainProgressView(terminal.Out, logInterval);
}
