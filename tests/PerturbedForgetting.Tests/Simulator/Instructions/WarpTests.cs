using PerturbedForgetting.Simulator.Execution;

namespace PerturbedForgetting.Tests.Simulator.Instructions;

/// <summary>Exchange among lanes against the pseudo-code of the PTX ISA: every mode, segment width and clamp, whole warps and
/// parts.</summary>
public class WarpTests
{
    const int Lanes = 32;

    /// <summary>Runs a body whose sources differ from lane to lane, one warp a block.</summary>
    static ulong[][] Run(string body, string[] results, string[] sources, ulong[][] rows) =>
        InstructionRun.Execute(body, results, sources, rows, Lanes);

    /// <summary>PTX ISA, "shfl.sync": the source lane and whether it is in range.</summary>
    static (int Lane, bool IsInRange) Source(string mode, int lane, uint b, uint c)
    {
        int bval = (int)(b & 0x1f), cval = (int)(c & 0x1f), segmask = (int)(c >> 8 & 0x1f);
        int maxLane = (lane & segmask) | (cval & ~segmask), minLane = lane & segmask;
        (int j, bool pval) = mode switch
        {
            "up" => (lane - bval, lane - bval >= maxLane),
            "down" => (lane + bval, lane + bval <= maxLane),
            "bfly" => (lane ^ bval, (lane ^ bval) <= maxLane),
            _ => (minLane | (bval & ~segmask), (minLane | (bval & ~segmask)) <= maxLane),
        };
        return (pval ? j : lane, pval);
    }

    [TestCase("up")]
    [TestCase("down")]
    [TestCase("bfly")]
    [TestCase("idx")]
    public void ShuffleOfWholeWarps(string mode)
    {
        int seed = Random.Shared.Next();
        var random = new Random(seed);
        var rows = new ulong[Lanes * 600][];
        for (int warp = 0; warp < rows.Length / Lanes; warp++)
        {
            // A width of 32, 16 … 1 with the clamp that CUDA's functions pass, every third time any bits at all.
            int width = 32 >> random.Next(6);
            uint shared = (uint)random.Next(64), c = ((uint)(32 - width) << 8) | (mode == "up" ? 0u : 31u);
            for (int lane = 0; lane < Lanes; lane++)
            {
                bool isAny = warp % 3 == 0;
                rows[(warp * Lanes) + lane] = [(uint)random.NextInt64(), isAny ? (uint)random.NextInt64() : shared, isAny && warp % 2 == 0
                    ? (uint)random.NextInt64() : c, 0, 0, 0];
            }
        }
        ulong[][] actual = Run($"shfl.sync.{mode}.b32 %d0|%d1, %s0, %s1, %s2, 0xffffffff; mov.b32 %d2, %s0; shfl.sync.{mode}.b32 %d2, %d2, "
            + $"%s1, %s2, -1;", ["b32", "pred", "b32"], ["b32", "b32", "b32"], rows);
        for (int i = 0; i < rows.Length; i++)
        {
            (int from, bool isInRange) = Source(mode, i % Lanes, (uint)rows[i][1], (uint)rows[i][2]);
            ulong wanted = rows[i - (i % Lanes) + from][0];
            Assert.That((actual[i][0], actual[i][1], actual[i][2]), Is.EqualTo((wanted, isInRange ? 1ul : 0, wanted)),
                $"{mode} row {i}, b 0x{rows[i][1]:x}, c 0x{rows[i][2]:x}, seed {seed}");
        }
    }

    /// <summary>Lanes of a divergent branch exchange among themselves with their own member mask.</summary>
    [Test]
    public void ShuffleOfParts()
    {
        int seed = Random.Shared.Next();
        var random = new Random(seed);
        for (int round = 0; round < 20; round++)
        {
            uint members = (uint)random.NextInt64() | 1;
            int[] inside = [.. Enumerable.Range(0, Lanes).Where(lane => (members >> lane & 1) != 0)];
            var rows = new ulong[Lanes][];
            for (int lane = 0; lane < Lanes; lane++)
                rows[lane] = [(uint)random.NextInt64(), (ulong)inside[random.Next(inside.Length)], members >> lane & 1, 0x1234];
            ulong[][] actual = Run($"setp.ne.u32 %guard, %s2, 0; @!%guard bra OUT; shfl.sync.idx.b32 %d0, %s0, %s1, 31, {members}; OUT:",
                ["b32"], ["b32", "b32", "b32"], rows);
            for (int lane = 0; lane < Lanes; lane++)
                Assert.That(actual[lane][0], Is.EqualTo((members >> lane & 1) != 0 ? rows[rows[lane][1]][0] : 0x1234),
                    $"lane {lane} of 0x{members:x8}, seed {seed}");
        }
    }

    /// <summary>A mask names a lane that is not there, leaves out one that is, differs between lanes that name each other.</summary>
    [TestCase("@%guard shfl.sync.bfly.b32 %d0, %s0, 1, 31, 0xffffffff;", "0xffff0000")]
    [TestCase("@%guard shfl.sync.bfly.b32 %d0, %s0, 1, 31, 0xff;", "does not name it")]
    [TestCase("shfl.sync.bfly.b32 %d0, %s0, 1, 31, %s1;", "different member masks")]
    [TestCase("@%guard vote.sync.ballot.b32 %d0, %guard, 0xffffffff;", "0xffff0000")]
    [TestCase("@%guard match.any.sync.b32 %d0, %s0, 0xff00ffff;", "0xff000000")]
    [TestCase("@%guard redux.sync.add.u32 %d0, %s0, 0x1ffff;", "0x00010000")]
    public void WrongMembersAreFaults(string instruction, string message)
    {
        ulong[][] rows = [.. Enumerable.Range(0, Lanes).Select(lane => (ulong[])[(ulong)lane, lane < 16 ? 0xffff_fffful : 0xffff_0000, 0])];
        var fault = Assert.Throws<DeviceFault>(() => Run($"setp.lt.u32 %guard, %s0, 16; {instruction}", ["b32"], ["b32", "b32"], rows));
        Assert.That(fault!.Kind, Is.EqualTo(FaultKind.WrongShuffle));
        Assert.That(fault.Message, Does.Contain(message));
    }

    /// <summary>A mask may name lanes that have exited; the others vote, match and reduce without them.</summary>
    [TestCase("vote.sync.ballot.b32 %d0, %guard, -1;", 0xfffffu)]
    [TestCase("match.any.sync.b32 %d0, %s1, 0xffffffff;", 0xfffffu)]
    [TestCase("redux.sync.add.u32 %d0, %s0, -1;", 210u)]
    [TestCase("bar.warp.sync -1; mov.b32 %d0, 5;", 5u)]
    public void LanesThatHaveExitedMayBeNamed(string instruction, uint expected)
    {
        ulong[][] rows = [.. Enumerable.Range(0, Lanes).Select(lane => (ulong[])[(ulong)lane + 1, 3, 0])];
        ulong[][] actual = Run($"setp.gt.u32 %guard, %s0, 20; @%guard exit; setp.le.u32 %guard, %s0, 20; {instruction}", ["b32"],
            ["b32", "b32"], rows);
        Assert.That(actual.Take(20).Select(row => row[0]), Is.All.EqualTo(expected));
    }

    /// <summary>Groups of lanes with a mask each, at one instruction: every group is on its own.</summary>
    [TestCase("shfl.sync.bfly.b32 %d0, %s0, 3, 31, %s1;", 3)]
    [TestCase("vote.sync.ballot.b32 %d0, %guard, %s1;", -1)]
    [TestCase("match.any.sync.b32 %d0, %s2, %s1;", -1)]
    [TestCase("redux.sync.or.b32 %d0, %s3, %s1;", -1)]
    [TestCase("bar.warp.sync %s1; mov.b32 %d0, %s1;", -1)]
    public void EachGroupHasItsOwnMask(string instruction, int partner)
    {
        ulong[][] rows = [.. Enumerable.Range(0, Lanes).Select(lane => (ulong[])[(ulong)lane, 0xfful << (lane & 24), 9, 1ul << lane, 0])];
        ulong[][] actual = Run($"setp.lt.u32 %guard, %s0, 32; {instruction}", ["b32"], ["b32", "b32", "b32", "b32"], rows);
        for (int lane = 0; lane < Lanes; lane++)
            Assert.That(actual[lane][0], Is.EqualTo(partner < 0 ? rows[lane][1] : (ulong)(lane ^ partner)), $"lane {lane}");
    }

    /// <summary>Rows of random warps in which a random, never empty part executes under the guard: its mask is the second source, the
    /// value the first.</summary>
    static ulong[][] Parts(Random random, int results, Func<Random, ulong> value)
    {
        var rows = new ulong[Lanes * 200][];
        for (int warp = 0; warp < rows.Length / Lanes; warp++)
        {
            uint members = random.Next(3) == 0 ? uint.MaxValue : (uint)random.NextInt64() | (1u << random.Next(Lanes));
            ulong common = value(random);
            int kind = random.Next(3);
            for (int lane = 0; lane < Lanes; lane++)
            {
                ulong own = kind == 0 || (kind == 1 && random.Next(20) != 0) ? common : value(random);
                rows[(warp * Lanes) + lane] = [own, members, members >> lane & 1, .. new ulong[results]];
            }
        }
        return rows;
    }

    /// <summary>Compares every lane that executed with a statement over the values of the members.</summary>
    static void Verify(string instruction, string[] results, string register, Func<Random, ulong> value, Func<ulong[], int, uint,
        ulong[]> expected)
    {
        int seed = Random.Shared.Next();
        ulong[][] rows = Parts(new Random(seed), results.Length, value);
        string[] sources = [register, "b32", "b32"];
        ulong[][] actual = Run($"setp.ne.u32 %guard, %s2, 0; @%guard {instruction};", results, sources, rows);
        for (int i = 0; i < rows.Length; i++)
        {
            int lane = i % Lanes;
            ulong[] all = [.. rows.Skip(i - lane).Take(Lanes).Select(row => row[0])];
            ulong[] wanted = rows[i][2] != 0 ? expected(all, lane, (uint)rows[i][1]) : new ulong[results.Length];
            Assert.That(actual[i], Is.EqualTo(wanted),
                $"{instruction}, row {i}, value 0x{rows[i][0]:x}, members 0x{rows[i][1]:x}, seed {seed}");
        }
    }

    static IEnumerable<int> Members(uint members) => Enumerable.Range(0, Lanes).Where(lane => (members >> lane & 1) != 0);

    static ulong Bit(bool value) => value ? 1ul : 0;

    [Test]
    public void Votes()
    {
        static ulong Flag(Random random) => (ulong)random.Next(2);
        foreach (bool isNegated in (bool[])[false, true])
        {
            string a = isNegated ? "!%s0" : "%s0";
            bool Holds(ulong[] all, int lane) => (all[lane] != 0) != isNegated;
            Verify($"vote.sync.all.pred %d0, {a}, %s1", ["pred"], "pred", Flag, (all, _, m) => [Bit(Members(m).All(l => Holds(all, l)))]);
            Verify($"vote.sync.any.pred %d0, {a}, %s1", ["pred"], "pred", Flag, (all, _, m) => [Bit(Members(m).Any(l => Holds(all, l)))]);
            Verify($"vote.sync.uni.pred %d0, {a}, %s1", ["pred"], "pred", Flag, (all, _, m) =>
                [Bit(Members(m).Select(l => Holds(all, l)).Distinct().Count() == 1)]);
            Verify($"vote.sync.ballot.b32 %d0, {a}, %s1", ["b32"], "pred", Flag, (all, _, m) =>
                [Mask(Members(m).Where(l => Holds(all, l)))]);
        }
        Verify("activemask.b32 %d0", ["b32"], "b32", Flag, (_, _, m) => [m]);
    }

    static ulong Mask(IEnumerable<int> lanes) => lanes.Aggregate(0ul, (mask, lane) => mask | (1ul << lane));

    [Test]
    public void Matches()
    {
        foreach (string width in (string[])["b32", "b64"])
        {
            // Values of 64 bits that differ in the upper half only.
            ulong Value(Random random) => (ulong)random.Next(3) << (width == "b64" && random.Next(2) == 0 ? 40 : 0);
            Verify($"match.any.sync.{width} %d0, %s0, %s1", ["b32"], width, Value, (all, lane, m) =>
                [Mask(Members(m).Where(l => all[l] == all[lane]))]);
            Verify($"match.all.sync.{width} %d0|%d1, %s0, %s1", ["b32", "pred"], width, Value, (all, _, m) =>
                Members(m).Select(l => all[l]).Distinct().Count() == 1 ? [m, 1] : [0, 0]);
        }
    }

    [Test]
    public void Reductions()
    {
        void Reduce(string operation, Func<uint, uint, uint> combine) =>
            Verify($"redux.sync.{operation} %d0, %s0, %s1", ["b32"], "b32", Operands.Draw<uint>, (all, _, m) =>
                [Members(m).Select(l => (uint)all[l]).Aggregate(combine)]);
        Reduce("add.u32", (a, b) => a + b);
        Reduce("add.s32", (a, b) => a + b);
        Reduce("min.u32", Math.Min);
        Reduce("max.u32", Math.Max);
        Reduce("min.s32", (a, b) => (uint)Math.Min((int)a, (int)b));
        Reduce("max.s32", (a, b) => (uint)Math.Max((int)a, (int)b));
        Reduce("and.b32", (a, b) => a & b);
        Reduce("or.b32", (a, b) => a | b);
        Reduce("xor.b32", (a, b) => a ^ b);
    }
}
