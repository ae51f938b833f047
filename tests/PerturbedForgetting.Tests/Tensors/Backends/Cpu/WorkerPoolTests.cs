using PerturbedForgetting.Tensors.Backends.Cpu.Compute;

namespace PerturbedForgetting.Tests.Tensors.Backends.Cpu;

[TestFixture, NonParallelizable]
sealed class WorkerPoolTests : ThreadsFixture
{
    [Test]
    public void EveryIndexRunsOnce([Values(1, 2, 5, 64)] int threads, [Values(0, 1, 2, 7, 1000)] int count)
    {
        WorkerPool.Threads = threads;
        for (int round = 0; round < 200; round++)
        {
            var body = new CountBody { Hits = new int[count] };
            WorkerPool.For(count, ref body);
            Assert.That(body.Hits, Is.All.EqualTo(1));
        }
    }

    [Test]
    public void WorkersThatSleepAreWoken()
    {
        WorkerPool.Threads = 3;
        var seen = new HashSet<int>();
        for (int round = 0; round < 50 && seen.Count < 2; round++)
        {
            Thread.Sleep(20);
            var body = new SlowBody { Threads = new int[6] };
            WorkerPool.For(6, ref body);
            seen.UnionWith(body.Threads);
        }
        Assert.That(seen, Has.Count.GreaterThanOrEqualTo(2));
    }

    [Test]
    public void WorkersSleepWhenThereIsNothingToDo()
    {
        WorkerPool.Threads = 9;
        var body = new SumBody();
        WorkerPool.For(100, ref body);
        Assert.That(WorkerPool.Workers, Is.GreaterThanOrEqualTo(8));
        Assert.That(() => SleepingWorker.Count, Is.EqualTo(WorkerPool.Workers).After(60_000, 10));
    }

    [Test]
    public void AllThreadsOfALoopComeAtOnce()
    {
        WorkerPool.Threads = 9;
        var body = new MeetingBody { Arrived = new CountdownEvent(9) };
        WorkerPool.For(9, ref body);
        Assert.That(body.Met, Is.EqualTo(9));
    }

    [Test]
    public void ExceptionReachesTheCallerAndThePoolGoesOn([Values(1, 4, 64)] int threads)
    {
        WorkerPool.Threads = threads;
        for (int round = 0; round < 50; round++)
        {
            var failing = new FailingBody { At = round % 10 };
            Assert.That(() => WorkerPool.For(10, ref failing), Throws.InvalidOperationException.With.Message.EqualTo("index"));
            var body = new CountBody { Hits = new int[10] };
            WorkerPool.For(10, ref body);
            Assert.That(body.Hits, Is.All.EqualTo(1));
        }
    }

    [Test]
    public void NestedLoopsRunInline()
    {
        WorkerPool.Threads = 4;
        var body = new NestedBody { Hits = new int[8 * 8] };
        WorkerPool.For(8, ref body);
        Assert.That(body.Hits, Is.All.EqualTo(1));
    }

    [Test]
    public void ExceptionOfANestedLoopReachesTheCaller()
    {
        WorkerPool.Threads = 4;
        var body = new NestedFailingBody();
        Assert.That(() => WorkerPool.For(8, ref body), Throws.InvalidOperationException.With.Message.EqualTo("index"));
    }

    [Test]
    public void LoopsOfSeveralThreadsAtOnceAllFinish()
    {
        WorkerPool.Threads = 3;
        int[][] hits = new int[4][];
        var callers = Enumerable.Range(0, 4).Select(i => new Thread(() =>
        {
            hits[i] = new int[500];
            for (int round = 0; round < 100; round++)
            {
                var body = new CountBody { Hits = hits[i] };
                WorkerPool.For(500, ref body);
            }
        })).ToArray();
        foreach (Thread caller in callers)
            caller.Start();
        foreach (Thread caller in callers)
            caller.Join();
        Assert.That(hits.SelectMany(h => h), Is.All.EqualTo(100));
    }

    [Test]
    public void BodyKeepsWhatItChanged()
    {
        WorkerPool.Threads = 1;
        var body = new SumBody();
        WorkerPool.For(10, ref body);
        Assert.That(body.Sum, Is.EqualTo(45));
        WorkerPool.Threads = 3;
        WorkerPool.For(10, ref body);
        Assert.That(body.Sum, Is.EqualTo(90));
    }

    [Test]
    public void NoAllocationPerLoop()
    {
        WorkerPool.Threads = 2;
        var body = new SumBody();
        WorkerPool.For(10, ref body);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int round = 0; round < 1000; round++)
            WorkerPool.For(10, ref body);
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(1000));
    }

    [Test]
    public void FewerThanOneThreadIsRefused() =>
        Assert.That(() => WorkerPool.Threads = 0, Throws.TypeOf<ArgumentOutOfRangeException>());

    struct CountBody : IParallelBody
    {
        public int[] Hits;

        public void Run(int index) => Interlocked.Increment(ref Hits[index]);
    }

    struct SlowBody : IParallelBody
    {
        public int[] Threads;

        public void Run(int index)
        {
            Thread.Sleep(5);
            Threads[index] = Environment.CurrentManagedThreadId;
        }
    }

    struct FailingBody : IParallelBody
    {
        public int At;

        public void Run(int index)
        {
            if (index == At)
                throw new InvalidOperationException("index");
        }
    }

    /// <summary>An index that ends only when all have begun: each needs a thread of its own.</summary>
    struct MeetingBody : IParallelBody
    {
        public CountdownEvent Arrived;
        public int Met;

        public void Run(int index)
        {
            Arrived.Signal();
            if (Arrived.Wait(TimeSpan.FromSeconds(60)))
                Interlocked.Increment(ref Met);
        }
    }

    struct NestedFailingBody : IParallelBody
    {
        public readonly void Run(int index)
        {
            var inner = new FailingBody { At = index };
            WorkerPool.For(8, ref inner);
        }
    }

    struct NestedBody : IParallelBody
    {
        public int[] Hits;

        public void Run(int index)
        {
            var inner = new InnerBody { Hits = Hits, Offset = index * 8 };
            WorkerPool.For(8, ref inner);
        }
    }

    struct InnerBody : IParallelBody
    {
        public int[] Hits;
        public int Offset;

        public void Run(int index) => Interlocked.Increment(ref Hits[Offset + index]);
    }

    struct SumBody : IParallelBody
    {
        public int Sum;

        public void Run(int index) => Interlocked.Add(ref Sum, index);
    }
}
