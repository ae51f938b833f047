using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Tests.Tensors.Profiling;

/// <summary>Ranges: who hears of them, and what they cost when nobody does.</summary>
[NonParallelizable]
sealed class RangesTests
{
    [Test]
    public void WhileNobodyListensNothingIsAllocated()
    {
        Assert.That(Ranges.IsOn, Is.False);
        Walk(100);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Walk(1000);
        Assert.That(GC.GetAllocatedBytesForCurrentThread(), Is.EqualTo(before));

        static void Walk(int count)
        {
            for (int i = 0; i < count; i++)
            {
                using var outer = Ranges.Push(RangeKind.Module, "a module");
                using var inner = Ranges.Operation("an operation");
            }
        }
    }

    [Test]
    public void AListenerHearsWhatBeginsWhileItListens()
    {
        Notes first = new(), second = new();
        Ranges.Add(first);
        using (Ranges.Push(RangeKind.Step, "step"))
        {
            Ranges.Add(second);
            using (Ranges.Operation("inner"))
                Ranges.Remove(first);
        }
        using (Ranges.Push(RangeKind.Pass, "later"))
            Ranges.Remove(second);
        using (Ranges.Operation("unheard"))
        {
        }
        Assert.That(first.Heard, Is.EqualTo(new[] { "Step step", "Operation inner", "-", "-" }));
        Assert.That(second.Heard, Is.EqualTo(new[] { "Operation inner", "-", "Pass later", "-" }));
        Assert.That(Ranges.IsOn, Is.False);
    }

    [Test]
    public void ARecorderKnowsDepthAndTimeOfItsOwnThread()
    {
        RangeRecorder recorder = new(System.Diagnostics.Stopwatch.GetTimestamp());
        recorder.Push(RangeKind.Step, "step");
        recorder.Push(RangeKind.Operation, "first");
        var other = new Thread(() =>
        {
            recorder.Push(RangeKind.Operation, "elsewhere");
            recorder.Pop();
        });
        other.Start();
        other.Join();
        recorder.Pop();
        recorder.Push(RangeKind.Operation, "second");
        recorder.Pop();
        recorder.Pop();
        recorder.Push(RangeKind.Step, "open at the end");
        recorder.Push(RangeKind.Operation, "third");
        recorder.Pop();
        Assert.That(recorder.Records.Select(static r => (r.Kind, r.Name, r.Depth)), Is.EqualTo(new[]
        {
            (RangeKind.Step, "step", 0), (RangeKind.Operation, "first", 1), (RangeKind.Operation, "second", 1),
                (RangeKind.Operation, "third", 1),
        }));
        RangeRecord step = recorder.Records[0], second = recorder.Records[2];
        Assert.That(second.Start, Is.GreaterThanOrEqualTo(step.Start));
        Assert.That(second.Start + second.Duration, Is.LessThanOrEqualTo(step.Start + step.Duration + 1e-6));
    }

    [Test]
    public void TimeOfAnOperationIsItsOwn()
    {
        RangeRecord[] ranges =
        [
            new(RangeKind.Step, "step", 0, 0, 100),
            new(RangeKind.Operation, "outer", 1, 0, 50),
            new(RangeKind.Module, "module", 2, 5, 30),
            new(RangeKind.Operation, "inner", 3, 5, 20),
            new(RangeKind.Operation, "innermost", 4, 6, 3),
            new(RangeKind.Operation, "inner", 2, 40, 7),
            new(RangeKind.Operation, "outer", 1, 60, 10),
        ];
        Assert.That(RangeRecorder.Summarize(ranges), Is.EqualTo(new ProfileEntry[]
        {
            new("outer", 2, 50 - 20 - 7 + 10, default), new("inner", 2, 20 - 3 + 7, default), new("innermost", 1, 3, default),
        }));
    }

    sealed class Notes : IRangeListener
    {
        public List<string> Heard { get; } = [];

        public void Push(RangeKind kind, string name) => Heard.Add($"{kind} {name}");

        public void Pop() => Heard.Add("-");
    }
}
