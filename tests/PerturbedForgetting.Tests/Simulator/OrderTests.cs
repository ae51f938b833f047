using PerturbedForgetting.Simulator.Execution;

namespace PerturbedForgetting.Tests.Simulator;

/// <summary>The order of blocks, of the turns of warps and of the sides of a branch: usual, or drawn from a seed.</summary>
public class OrderTests
{
    const int Seeds = 20;

    /// <summary>Block, warp and lane write their number into the next free word of <c>out</c>: %r4 is the place, the word behind
    /// <c>count</c>.</summary>
    const string Parameters = ".param .u64 out, .param .u64 count";

    const string Begin = """
        .reg .pred %p<4>;
        .reg .b32 %r<9>;
        .reg .b64 %rd<6>;
        ld.param.u64 %rd1, [out];
        ld.param.u64 %rd2, [count];
        mov.u32 %r1, %tid.x;
        mov.u32 %r2, %ctaid.x;
        and.b32 %r3, %r1, 31;

        """;

    const string Note = """
        atom.global.add.u32 %r4, [%rd2], 1;
        mul.wide.u32 %rd3, %r4, 4;
        add.s64 %rd3, %rd1, %rd3;
        st.global.u32 [%rd3], %r5;

        """;

    static uint[] Run(string body, int blocks, int threads, int notes, int? seed, int workers = 1)
    {
        using Device device = new(Device.Kernel(Parameters, Begin + body)) { ShuffleSeed = seed, Workers = workers };
        ulong output = device.Allocate(4 * notes);
        device.Launch("k", new Extent(blocks), new Extent(threads), output, device.Upload<uint>(0));
        return device.Download<uint>(output, notes);
    }

    static uint[][] RunSeeds(string body, int blocks, int threads, int notes) =>
        [.. Enumerable.Range(1, Seeds).Select(seed => Run(body, blocks, threads, notes, seed))];

    [TestCase(1)]
    [TestCase(2)]
    [TestCase(3)]
    [TestCase(17)]
    [TestCase(1000)]
    [TestCase(4097)]
    public void EveryBlockBeginsOnce(int blocks)
    {
        HashSet<string> orders = [];
        for (ulong seed = 0; seed < Seeds; seed++)
        {
            var order = new BlockOrder(blocks, seed);
            long[] all = [.. Enumerable.Range(0, blocks).Select(turn => order[turn])];
            Assert.That(all.Order(), Is.EqualTo(Enumerable.Range(0, blocks).Select(b => (long)b)));
            orders.Add(string.Join(' ', all));
        }
        Assert.That(orders, Has.Count.GreaterThanOrEqualTo(Math.Min(blocks, Seeds)));
    }

    [Test]
    public void TheLargestGridHasAnOrder() =>
        Assert.That(Enumerable.Range(0, 1000).Select(turn => new BlockOrder(long.MaxValue / 4, 5)[turn]).Distinct().Count(),
            Is.EqualTo(1000));

    [Test]
    public void BlocksBeginInAnyOrder()
    {
        const string body = "mov.u32 %r5, %r2;\n" + Note;
        Assert.That(Run(body, 40, 1, 40, seed: null), Is.EqualTo(Enumerable.Range(0, 40)));
        uint[][] orders = RunSeeds(body, 40, 1, 40);
        Assert.That(orders, Is.All.EquivalentTo(Enumerable.Range(0, 40)));
        Assert.That(orders.Select(o => string.Join(' ', o)).Distinct().Count(), Is.EqualTo(Seeds));
        Assert.That(Run(body, 40, 1, 40, seed: 3), Is.EqualTo(orders[2]), "a seed repeats its order");
        Assert.That(Run(body, 40, 1, 40, seed: 3, workers: 3), Is.EquivalentTo(orders[2]));
    }

    /// <summary>Each of 4 warps notes its number 50 times: between any two notes of one there may be some of another.</summary>
    [Test]
    public void WarpsTakeTurnsAtAnyInstruction()
    {
        const string body = $"""
            setp.ne.u32 %p1, %r3, 0;
            @%p1 ret;
            shr.u32 %r5, %r1, 5;
            mov.u32 %r6, 0;
            AGAIN:
            {Note}
            add.u32 %r6, %r6, 1;
            setp.lt.u32 %p1, %r6, 50;
            @%p1 bra AGAIN;
            """;
        Assert.That(Run(body, 1, 128, 200, seed: null), Is.Ordered);
        uint[][] orders = RunSeeds(body, 1, 128, 200);
        Assert.That(orders.Average(o => o.Zip(o.Skip(1)).Count(pair => pair.First != pair.Second)), Is.InRange(10, 190));
        foreach (uint[] order in orders)
            Assert.That(order.CountBy(warp => warp), Is.EquivalentTo(Enumerable.Range(0, 4).Select(w => KeyValuePair.Create((uint)w, 50))));
        Assert.That(orders.Select(o => o[0]).Distinct().Count(), Is.EqualTo(4), "any warp may be first");
    }

    [Test]
    public void EitherSideOfABranchMayGoFirst()
    {
        const string body = $"""
            mov.u32 %r5, 1;
            setp.lt.u32 %p1, %r3, 16;
            @%p1 bra LOW;
            mov.u32 %r5, 2;
            {Note}
            bra DONE;
            LOW:
            {Note}
            DONE:
            add.u32 %r5, %r5, 2;
            {Note}
            """;
        Assert.That(Run(body, 1, 32, 64, seed: null).Take(32), Is.Ordered);
        uint[][] orders = RunSeeds(body, 1, 32, 64);
        Assert.That(orders.Select(o => o[0]).Distinct(), Is.EquivalentTo((uint[])[1, 2]));
        Assert.That(orders.Select(o => o.Skip(32)), Is.All.All.GreaterThan(2), "all lanes meet behind the branch");
    }

    /// <summary>Warp 0 waits in a loop for a word that the last warp stores: every warp goes on at some time.</summary>
    [TestCase(null)]
    [TestCase(1)]
    [TestCase(2)]
    public void AWarpMayWaitForAnother(int? seed)
    {
        const string body = $"""
            setp.ne.u32 %p1, %r3, 0;
            @%p1 ret;
            shr.u32 %r5, %r1, 5;
            setp.eq.u32 %p1, %r5, 0;
            @!%p1 bra NOTE;
            AGAIN:
            atom.global.add.u32 %r6, [%rd2], 0;
            setp.lt.u32 %p1, %r6, 3;
            @%p1 bra AGAIN;
            NOTE:
            {Note}
            """;
        Assert.That(Run(body, 1, 128, 4, seed)[3], Is.Zero);
    }

    /// <summary>The watchdog counts the instructions of all turns of a block.</summary>
    [TestCase(null)]
    [TestCase(1)]
    public void AnEndlessLoopEnds(int? seed)
    {
        using Device device = new(Device.Kernel("", "AGAIN: bra.uni AGAIN;")) { ShuffleSeed = seed };
        var fault = Assert.Throws<DeviceFault>(() => device.LaunchLimited("k", 200_000));
        Assert.That(fault!.Kind, Is.EqualTo(FaultKind.Timeout));
        Assert.That(device.Counters.Launches, Is.Zero);
    }
}
