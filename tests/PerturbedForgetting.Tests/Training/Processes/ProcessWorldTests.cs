using PerturbedForgetting.Tensors.Distributed;
using PerturbedForgetting.Training.Processes;

namespace PerturbedForgetting.Tests.Training.Processes;

[TestFixture, Parallelizable]
sealed class ProcessWorldTests
{
    [TestCase(2)]
    [TestCase(4)]
    public void AllGetWhatAllGiveAndSumsAreInTheOrderOfTheRanks(int size) => LoopbackWorlds.Run(size, world =>
    {
        for (int i = 0; i < 20; i++)
        {
            var all = world.Gather(new byte[world.Rank == 1 ? 0 : 3 + world.Rank + (i * 1000)]);
            Assert.That(all.Select(static m => m.Length),
                Is.EqualTo(Enumerable.Range(0, size).Select(r => r == 1 ? 0 : 3 + r + (i * 1000))));
            double[] values = [0.1 * (world.Rank + 1), Math.Pow(10, 16 - (8 * world.Rank)), i];
            world.Sum(values);
            double[] expected = [0, 0, 0];
            for (int r = 0; r < size; r++)
                expected = [expected[0] + (0.1 * (r + 1)), expected[1] + Math.Pow(10, 16 - (8 * r)), expected[2] + i];
            Assert.That(values, Is.EqualTo(expected));
        }
        Assert.That((world.Size, world.LocalSize, world.LocalRank, world.IsFirst), Is.EqualTo((size, size, world.Rank, world.Rank == 0)));
        Assert.That(world.Description, Does.Contain($"{size} processes").And.Contain($"this is rank {world.Rank}"));
    });

    /// <summary>Whoever asks, and however far the others are by then.</summary>
    [TestCase(2)]
    [TestCase(4)]
    public void AllStopBeforeTheSameUpdate(int size)
    {
        long[] done = new long[size];
        LoopbackWorlds.Run(size, world =>
        {
            var random = new Random(world.Rank);
            long update = 7;
            for (; world.MayBegin(update); update++)
            {
                if (world.Rank == size - 1 && update == 20)
                    world.RequestStop(143);
                Thread.Sleep(random.Next(3));
                // As the sums of an update do, so that nobody is more than one ahead.
                world.Sum([1.0]);
            }
            done[world.Rank] = update;
            Assert.That((world.StopCode, world.StopRequested.WaitHandle.WaitOne(LoopbackWorlds.Long)), Is.EqualTo((143, true)));
            Assert.That(world.MayBegin(update), Is.False);
            Assert.That(world.Gather([1]), Has.Count.EqualTo(size));
        });
        Assert.That(done, Is.All.EqualTo(done[0]).And.All.InRange(20, 40));
    }

    [Test]
    public void WhoeverIsLeftHearsWhoHasGoneAndWhy()
    {
        var ends = LoopbackWorlds.Try(3, world =>
        {
            world.Gather([]);
            if (world.Rank == 2)
            {
                world.Leave("cat.png: is no image");
                return;
            }
            world.Gather([]);
        });
        Assert.That(ends[2], Is.Null);
        Assert.That(ends[..2].Select(static e => e?.GetType()), Is.All.EqualTo(typeof(CommunicationException)));
        Assert.That(ends[..2].Select(static e => e!.Message), Is.All.Matches<string>(static m =>
            m.Contains("rank 2 (process", StringComparison.Ordinal) && m.EndsWith("cat.png: is no image", StringComparison.Ordinal)));
    }

    /// <summary>Signs of life go on, and the calls that all make do not.</summary>
    [Test]
    public void WhoeverKeepsTheOthersWaitingIsNamed()
    {
        using ManualResetEventSlim failed = new();
        var ends = LoopbackWorlds.Try(3, world =>
        {
            world.Gather([]);
            if (world.Rank != 1)
            {
                try { world.Gather([]); }
                finally { failed.Set(); }
            }
            Assert.That(failed.Wait(LoopbackWorlds.Long), Is.True);
        }, TimeSpan.FromSeconds(1));
        Assert.That(ends[1], Is.Null);
        Assert.That(new[] { ends[0], ends[2] }.Select(static e => e is CommunicationException ? e.Message : ""),
            Is.All.Contains("rank 1 (process").And.All.Contains("keeps the others waiting"));
    }

    [Test]
    public void WhoeverEndsBeforeTheOthersIsNamed()
    {
        var ends = LoopbackWorlds.Try(3, static world =>
        {
            if (world.Rank != 1)
                world.Gather([]);
        });
        Assert.That(ends[1], Is.Null);
        Assert.That(new[] { ends[0], ends[2] }.Select(static e => e is CommunicationException ? e.Message : ""),
            Is.All.Contains("rank 1 (process").And.All.Contains("has ended before the others"));
    }

    /// <summary>A stop that finds some still preparing is no failure.</summary>
    [Test]
    public void WhoeverEndsBecauseOfAStopIsNotMissed()
    {
        var ends = LoopbackWorlds.Try(3, static world =>
        {
            if (world.Rank != 1)
                world.Gather([]);
            else
            {
                world.RequestStop(130);
                Assert.That(world.StopRequested.WaitHandle.WaitOne(LoopbackWorlds.Long), Is.True);
            }
        });
        Assert.That(ends.Select(static e => e?.GetType()),
            Is.EqualTo(new[] { typeof(OperationCanceledException), null, typeof(OperationCanceledException) }));
    }

    [Test]
    public void WhoeverDoesNotComeIsNamed()
    {
        var patience = TimeSpan.FromSeconds(1);
        using var hub = LoopbackWorlds.Hub(4, patience);
        using CancellationTokenSource source = new();
        Task<Exception?> second = Task.Run(() => Assert.Catch(() => ProcessWorld.Join(LoopbackWorlds.LaunchOf(2, 4),
            LoopbackWorlds.MeetingAt(hub.Port), null, null, patience, static _ => { }, source.Token)));
        var first = Assert.Throws<CommunicationException>(() =>
            ProcessWorld.Host(hub, LoopbackWorlds.LaunchOf(0, 4), null, null, static _ => { }, source.Token));
        Assert.That(first!.Message, Does.Contain(" of 4 did not come to rank 0").And.Contain("1, "));
        Assert.That(second.Result, Is.InstanceOf<CommunicationException>());
    }

    [TestCase(1, 3, "counts 3 processes")]
    [TestCase(2, 2, "counts 2 processes")]
    public void WhoeverCountsOtherwiseIsNotLetIn(int rank, int size, string why)
    {
        using var hub = LoopbackWorlds.Hub(4, LoopbackWorlds.Long);
        Task<Exception?> second = Task.Run(() => Assert.Catch(() => ProcessWorld.Join(LoopbackWorlds.LaunchOf(rank, size),
            LoopbackWorlds.MeetingAt(hub.Port), null, null, LoopbackWorlds.Long, static _ => { }, CancellationToken.None)));
        var first = Assert.Throws<CommunicationException>(() =>
            ProcessWorld.Host(hub, LoopbackWorlds.LaunchOf(0, 4), null, null, static _ => { }, CancellationToken.None));
        Assert.That(new[] { first!.Message, second.Result!.Message }, Is.All.Contains(why));
    }
}
