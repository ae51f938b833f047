using PerturbedForgetting.Tensors.Backends.Cpu.Compute;

namespace PerturbedForgetting.Tests.Tensors.Backends.Cpu;

sealed class LoopPartsTests
{
    /// <summary>A thread alone takes its own part in rising order, then the others' from their ends.</summary>
    [Test]
    public void AThreadTakesItsOwnPartThenTheEndsOfOthers()
    {
        using LoopParts parts = new();
        parts.Deal(30, 3);
        List<(int First, int End)> taken = [];
        while (parts.Take(1, out int first, out int end))
            taken.Add((first, end));
        int[] indices = [.. taken.SelectMany(t => Enumerable.Range(t.First, t.End - t.First))];
        Assert.That(indices[..10], Is.EqualTo(Enumerable.Range(10, 10)));
        Assert.That(indices[10..20], Is.EqualTo(Enumerable.Range(20, 10).Reverse()));
        Assert.That(indices[20..], Is.EqualTo(Enumerable.Range(0, 10).Reverse()));
    }

    /// <summary>The same share of every loop, however many indices it has: an eighth of its part at once, in the end one.</summary>
    [Test]
    public void AThreadBeginsAtItsShareOfEveryLoop([Values(4, 7, 64, 1000, int.MaxValue)] int indices)
    {
        using LoopParts parts = new();
        for (int thread = 0; thread < 4; thread++)
        {
            parts.Deal(indices, 4);
            int begin = (int)(thread * (long)indices / 4), behind = (int)((thread + 1L) * indices / 4);
            Assert.That(parts.Take(thread, out int first, out int end));
            Assert.That((first, end), Is.EqualTo((begin, begin + Math.Max(1, (behind - begin) / 8))));
        }
    }

    /// <summary>Whoever takes, in whatever order, also threads with larger numbers than there are parts: every index once.</summary>
    [Test]
    public void EveryIndexIsTakenOnce()
    {
        var random = new Random(1);
        using LoopParts parts = new();
        for (int round = 0; round < 300; round++)
        {
            int threads = random.Next(1, 20), count = random.Next(threads, 300);
            parts.Deal(count, threads);
            var hits = new int[count];
            while (parts.Take(random.Next(3 * threads), out int first, out int end))
            {
                foreach (ref int hit in hits.AsSpan(first..end))
                    hit++;
            }
            Assert.That(hits, Is.All.EqualTo(1));
        }
    }

    [Test]
    public void ThreadsAtOnceTakeEveryIndexOnce()
    {
        const int threads = 4, count = 20_000;
        using LoopParts parts = new();
        for (int round = 0; round < 20; round++)
        {
            parts.Deal(count, threads);
            var hits = new int[count];
            // All begin at the same part, so that they meet at both of its ends.
            Thread[] takers = [.. Enumerable.Range(0, threads).Select(i => new Thread(() =>
            {
                while (parts.Take(i % 2, out int first, out int end))
                {
                    for (; first < end; first++)
                        Interlocked.Increment(ref hits[first]);
                }
            }))];
            foreach (Thread taker in takers)
                taker.Start();
            foreach (Thread taker in takers)
                taker.Join();
            Assert.That(hits, Is.All.EqualTo(1));
        }
    }

    [Test]
    public void NothingIsLeftOnceCleared()
    {
        using LoopParts parts = new();
        parts.Deal(100, 4);
        parts.Take(2, out _, out _);
        parts.Clear();
        for (int thread = 0; thread < 4; thread++)
            Assert.That(parts.Take(thread, out _, out _), Is.False);
    }
}
