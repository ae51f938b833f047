namespace PerturbedForgetting.Tests.Simulator.Memory;

/// <summary>Every form of load and store, in every space and for every way in which the lanes' addresses may lie.</summary>
public class AccessTests
{
    const int Threads = AccessKernel.Blocks * AccessKernel.Threads;

    /// <summary>Offsets of the threads, in accesses: what the fast paths know, and what they do not.</summary>
    static IEnumerable<(string Name, int[] Places)> Patterns(int places, Random random)
    {
        int[] each = [.. Enumerable.Range(0, Threads)];
        yield return ("consecutive", [.. each.Select(t => t % places)]);
        yield return ("shifted", [.. each.Select(t => (t + 1) % places)]);
        yield return ("one place", [.. each.Select(_ => 5)]);
        yield return ("one place a warp", [.. each.Select(t => t % AccessKernel.Threads / 32)]);
        yield return ("reversed", [.. each.Select(t => places - 1 - (t % places))]);
        yield return ("strided", [.. each.Select(t => t * 3 % places)]);
        yield return ("random", [.. each.Select(_ => random.Next(places))]);
        yield return ("with gaps", [.. each.Select(t => random.Next(3) == 0 ? -1 : t % places)]);
    }

    static int[] Offsets(int[] places, int bytes) => [.. places.Select(p => p < 0 ? -1 : p * bytes)];

    [Test]
    public void Loads([Values("global", "shared", "local", "const", "generic:global", "generic:shared", "generic:local")] string space)
    {
        Random random = Device.Random();
        var memory = new byte[AccessKernel.Bytes];
        foreach (AccessKernel kernel in AccessKernel.Forms(space, isStore: false))
        {
            random.NextBytes(memory);
            foreach ((string name, int[] places) in Pick(Patterns(AccessKernel.Bytes / kernel.AccessBytes, random), space, random))
            {
                int[] offsets = Offsets(places, kernel.AccessBytes);
                ulong[] loaded = kernel.Load(memory, offsets);
                for (int t = 0; t < Threads * kernel.Count; t++)
                {
                    int offset = offsets[t / kernel.Count];
                    ulong expected = offset < 0
                        ? 0
                        : kernel.Element(memory, offset + (t % kernel.Count * kernel.AccessBytes / kernel.Count));
                    if ((loaded[t] & AccessKernel.Mask(kernel.RegisterBits)) != expected)
                        Assert.Fail($"{kernel}, {name}: thread {t / kernel.Count}, element {t % kernel.Count}: {loaded[t]:x}, not "
                            + $"{expected:x}");
                }
            }
        }
    }

    [Test]
    public void Stores([Values("global", "shared", "local", "generic:global", "generic:shared", "generic:local")] string space)
    {
        Random random = Device.Random();
        var memory = new byte[AccessKernel.Bytes];
        bool isGlobal = space.EndsWith("global", StringComparison.Ordinal), isLocal = space.EndsWith("local", StringComparison.Ordinal);
        foreach (AccessKernel kernel in AccessKernel.Forms(space, isStore: true))
        {
            int places = AccessKernel.Bytes / kernel.AccessBytes;
            random.NextBytes(memory);
            int[] shuffled = [.. Enumerable.Range(0, places)];
            random.Shuffle(shuffled);
            foreach ((string name, int[] pattern) in Pick(Patterns(places, random).Where(p =>
                p.Name is not ("random" or "one place" or "one place a warp")).Append(("shuffled", shuffled[..Threads])), space, random))
            {
                int[] offsets = Offsets(pattern, kernel.AccessBytes);
                ulong[] values = [.. Enumerable.Range(0, Threads * kernel.Count).Select(_ => (ulong)random.NextInt64())];
                byte[] expected = kernel.Copies(memory);
                for (int t = 0; t < Threads; t++)
                {
                    int copy = isGlobal ? 0 : isLocal ? t : t / AccessKernel.Threads;
                    for (int e = 0; e < kernel.Count && offsets[t] >= 0; e++)
                        kernel.Put(expected, (copy * AccessKernel.Bytes) + offsets[t] + (e * kernel.AccessBytes / kernel.Count),
                            values[(t * kernel.Count) + e]);
                }
                byte[] stored = kernel.Store(memory, offsets, values);
                int wrong = stored.AsSpan().CommonPrefixLength(expected);
                if (wrong < expected.Length)
                    Assert.Fail($"{kernel}, {name}: byte {wrong}: {stored[wrong]:x}, not {expected[wrong]:x}");
            }
        }
    }

    /// <summary>Local memory is copied by each thread alone and takes its time: one way of the addresses a form.</summary>
    static IEnumerable<(string, int[])> Pick(IEnumerable<(string, int[])> patterns, string space, Random random)
    {
        (string, int[])[] all = [.. patterns];
        if (!space.EndsWith("local", StringComparison.Ordinal))
            return all;
        random.Shuffle(all);
        return all[..1];
    }

    [Test]
    public void HintsChangeNothing([Values(".volatile", ".relaxed.gpu", ".acquire.sys", ".nc", ".ca", ".cg", ".cs", ".lu", ".cv",
        ".L1::no_allocate", ".nc.L1::evict_last.L2::128B")] string hint)
    {
        Random random = Device.Random();
        var memory = new byte[AccessKernel.Bytes];
        random.NextBytes(memory);
        // .relaxed, .acquire and .volatile stand before the space.
        bool isOrder = hint.StartsWith(".relaxed", StringComparison.Ordinal) || hint.StartsWith(".acquire", StringComparison.Ordinal)
            || hint == ".volatile";
        var kernel = new AccessKernel(isOrder ? "generic:global" : "global", "f32", 4, 32, isOrder ? hint + ".global" : hint);
        int[] offsets = [.. Enumerable.Range(0, Threads).Select(t => 16 * (t % 200))];
        ulong[] loaded = kernel.Load(memory, offsets);
        Assert.That(loaded, Is.EqualTo(Enumerable.Range(0, Threads * 4).Select(t => kernel.Element(memory, offsets[t / 4] + (t % 4 * 4)))
            .ToArray()));
    }
}
