using PerturbedForgetting.Cli.Progress;
using PerturbedForgetting.Training.Progress;
using Spectre.Console;

namespace PerturbedForgetting.Tests.Cli;

/// <summary>What a person sees: results above, a bar and the current numbers below, at any width.</summary>
sealed class LiveProgressViewTests
{
    const int Epochs = 3, Updates = 6, Height = 24;

    static readonly string message = string.Join(' ', Enumerable.Range(0, 60).Select(i => $"word{i}"));

    static readonly string[] above =
    [
        "a [b] message", message,
        .. Enumerable.Range(1, Epochs).SelectMany(e => new[]
        {
            $"recovery checkpoint recovery-{e - 1}-3.safetensors (1.0 MB)",
            $"epoch {e}/{Epochs} done in 12s: loss 0.7, perturb loss -0.3, validation loss 1.5, top-1 61.50 %, top-5 91.00 %, 320 img/s, "
                + "best so far",
        }),
        "warning: look",
    ];

    [TestCase(20), TestCase(40), TestCase(60), TestCase(80), TestCase(100), TestCase(200)]
    public void WhatIsAboveStaysAsItWasWritten(int width)
    {
        VirtualTerminal screen = new(width, Height);
        Play(screen, (written, isLive) =>
        {
            Assert.That(screen.Lines.Take(written), Is.EqualTo(above.Take(written)));
            string[] live = screen.Lines[written..];
            Assert.That(live.Select(l => l.Length), Is.All.LessThan(width));
            if (!isLive)
                return;
            Assert.That(string.Join("  ", live), Does.Match("epoch .*%.* left .*loss .*img/s").And.Contain("━━━━━━━━"));
        });
        Assert.That(screen.Lines, Is.EqualTo(above), "the bar is gone at the end");
    }

    [TestCase(200, 40), TestCase(100, 40, 80, 200), TestCase(40, 200), TestCase(80, 79, 78, 77, 41, 20, 19, 100)]
    public void ATerminalMayChangeItsWidth(params int[] widths)
    {
        VirtualTerminal screen = new(widths[0], Height);
        int calls = 0;
        Play(screen, (written, _) =>
        {
            Assert.That(screen.Lines.Take(written), Is.EqualTo(above.Take(written)));
            Assert.That(screen.Lines[written..], Has.Length.LessThanOrEqualTo(Height));
            screen.Resize(widths[calls++ % widths.Length]);
        });
        Assert.That(screen.Lines, Is.EqualTo(above));
    }

    [TestCase(1), TestCase(2), TestCase(4)]
    public void ATerminalMayBeLow(int height)
    {
        VirtualTerminal screen = new(40, height);
        Play(screen, (_, _) => { });
        Assert.That(screen.Lines, Is.EqualTo(above));
    }

    [Test]
    public void WithoutColoursABarShowsWhatIsDone()
    {
        VirtualTerminal screen = new(100, Height);
        List<string> bars = [];
        Play(screen, (written, _) => bars.AddRange(screen.Lines.Skip(written).Where(l => l.StartsWith('#'))),
            ColorSystemSupport.NoColors);
        Assert.That(bars, Has.Some.EqualTo("######...............................").And.Some.EqualTo(new string('#', 37)));
    }

    [Test]
    public void ASignalIsAnnouncedAboveTheBar()
    {
        VirtualTerminal screen = new(40, Height);
        LiveProgressView view = View(screen, ColorSystemSupport.Standard);
        view.Run(() =>
        {
            view.EpochStarted(new EpochStart(0, 1, 0, 10, 320));
            view.UpdateDone(Update(0, 1, 10));
            new ViewWriter(view).WriteLine("Stopping after this step.");
            Assert.That(screen.Lines[0], Is.EqualTo("Stopping after this step."));
            Assert.That(screen.Lines, Has.Some.StartsWith("epoch 1/1  1/10"));
        });
    }

    [Test]
    public void TheBarGoesWhenTheWorkFails()
    {
        VirtualTerminal screen = new(40, Height);
        LiveProgressView view = View(screen, ColorSystemSupport.Standard);
        Assert.Throws<IOException>(() => view.Run(() =>
        {
            view.UpdateDone(Update(0, 1, 1));
            throw new IOException();
        }));
        Assert.That(screen.Lines, Is.Empty);
    }

    static LiveProgressView View(VirtualTerminal screen, ColorSystemSupport colors)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.Yes,
            ColorSystem = colors,
            Interactive = InteractionSupport.Yes,
            Out = new ScreenOutput(screen),
        });
        console.Profile.Capabilities.Unicode = true;
        return new LiveProgressView(console);
    }

    /// <summary>A run; after everything that happens the screen is looked at, with the lines that must be above by then.</summary>
    static void Play(VirtualTerminal screen, Action<int, bool> look, ColorSystemSupport colors = ColorSystemSupport.TrueColor)
    {
        LiveProgressView view = View(screen, colors);
        view.Run(() =>
        {
            view.Message(MessageLevel.Info, above[0]);
            look(1, false);
            view.Message(MessageLevel.Info, message);
            int written = 2;
            for (int epoch = 0; epoch < Epochs; epoch++)
            {
                view.EpochStarted(new EpochStart(epoch, Epochs, 0, Updates, 320));
                for (int i = 1; i <= Updates; i++)
                {
                    // Else it would be drawn only now and then.
                    Thread.Sleep(i == 1 ? 110 : 0);
                    view.UpdateDone(Update(epoch, i, Updates));
                    look(written, true);
                    if (i == Updates / 2)
                        view.CheckpointWritten(new CheckpointInfo($"recovery-{epoch}-3.safetensors", epoch, i, true, 1_000_000));
                    written += i == Updates / 2 ? 1 : 0;
                    look(written, true);
                }
                view.ValidationProgress(new EvaluationProgress(2, 2, 64, 1.5, 61.5, 91, 0.1));
                look(written, true);
                view.EpochEnded(new EpochResult(epoch, Epochs, 0.7, -0.3, 1.5, 61.5, 91, 1e-3, 12, 320, true));
                look(++written, true);
            }
            view.Message(MessageLevel.Warning, "look");
            look(++written, true);
        });
    }

    static UpdateProgress Update(int epoch, int update, int updates) =>
        new(epoch, update, updates, 32, 0.5, -0.25, 0.75, -0.3, 1e-3, 0.05, 1, 0.1, 0.025, 2);

    /// <summary>Tells Spectre.Console the screen's size as it is.</summary>
    sealed class ScreenOutput(VirtualTerminal screen) : IAnsiConsoleOutput
    {
        public TextWriter Writer => screen;

        public bool IsTerminal => true;

        public int Width => screen.Width;

        public int Height => screen.Height;

        public void SetEncoding(System.Text.Encoding encoding)
        {
        }
    }
}
