using PerturbedForgetting.Training.Forgetting;

namespace PerturbedForgetting.Tests.Training.Forgetting;

/// <summary>How long a study still takes is said of what was measured of each kind.</summary>
[TestFixture]
[Parallelizable]
sealed class StudyProgressTests
{
    [Test]
    public void AnEigenvalueSaysNothingOfPerturbations()
    {
        var clock = new Clock();
        var observer = new RecordingObserver();
        var progress = new StudyProgress(observer, cells: 6, eigenvalues: 2, clock);
        progress.MeasureEigenvalue("a", () => Pass(1200, new EigenvalueResult("", 3, 0, true)));
        Assert.That(observer.Messages[^1], Does.Contain("1 of 8: a: top eigenvalue 3").And.EndsWith("; 1 img/s"));
        progress.Measure("a: 1", () => Pass(30, Cell));
        Assert.That(observer.Messages[^1], Does.Contain("2 of 8").And.EndsWith("; 40 img/s, 23 min left"), "1200 s and 5 of 30 s");
        progress.Found();
        progress.FoundEigenvalue();
        progress.Measure("b: 1", () => Pass(30, Cell));
        Assert.That(observer.Messages[^1], Does.Contain("5 of 8").And.EndsWith("; 40 img/s, 2 min left"));
        progress.Measure("b: 2", () => Pass(30, Cell));
        Assert.That(observer.Messages[^1], Does.Contain("6 of 8").And.EndsWith("; 40 img/s, 60 s left"));
        progress.Measure("b: 3", () =>
        {
            clock.Pass(20);
            progress.Saw(800);
            Assert.That(observer.Messages[^1], Does.EndWith("6 of 8 measured; 40 img/s, 40 s left"));
            clock.Pass(10);
            progress.Saw(400);
            return Cell;
        });
        progress.Measure("b: 4", () => Pass(30, Cell));
        Assert.That(observer.Messages[^1], Does.EndWith("; 40 img/s"), "nothing is left");

        T Pass<T>(int seconds, T result)
        {
            clock.Pass(seconds - 1);
            progress.Saw(1199);
            clock.Pass(1);
            progress.Saw(1);
            return result;
        }
    }

    static CellResult Cell
    {
        get
        {
            double[] values = new double[Measure.OfOutputs.Count];
            var set = new SetResult { Images = 1, Before = [values], After = [values], Change = [new double[Measure.OfChanges.Count]] };
            return new() { Key = "", Norms = [1], WeightNorm = 1, Sets = [set, set, set] };
        }
    }

    /// <summary>Time that passes when it is told to.</summary>
    sealed class Clock : TimeProvider
    {
        long seconds;

        public override long TimestampFrequency => 1;

        public void Pass(int more) => seconds += more;

        public override long GetTimestamp() => seconds;
    }
}
