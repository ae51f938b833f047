using System.Globalization;
using System.Text;
using PerturbedForgetting.Training.Progress;
using Spectre.Console;

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
    /// <summary>A live bar where a person watches and lines can be drawn anew, lines otherwise.</summary>
    /// <param name="terminal">Where to write.</param>
    /// <param name="logInterval">Steps between two lines.</param>
    public static IProgressView Create(Terminal terminal, int logInterval)
    {
        if (terminal.IsInteractive)
        {
            IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(terminal.Out) });
            if (console.Profile.Capabilities.Ansi)
                return new LiveProgressView(console);
        }
        return new PlainProgressView(terminal.Out, logInterval);
    }
}

/// <summary>Where a line goes that must not meet a view's own: to the view.</summary>
sealed class ViewWriter(IProgressView view) : TextWriter(CultureInfo.InvariantCulture)
{
    public override Encoding Encoding => Encoding.Unicode;

    public override void WriteLine(string? value) => view.Message(MessageLevel.Info, value ?? "");
}
