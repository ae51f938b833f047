using PerturbedForgetting.Simulator.Execution;

namespace PerturbedForgetting.Tests.Simulator.Memory;

/// <summary>What is counted, exactly.</summary>
public class CounterTests
{
    const string Head = """
        .reg .pred %p<4>;
        .reg .b16 %rs<4>;
        .reg .b32 %r<16>;
        .reg .b64 %rd<16>;
        .shared .align 16 .b8 tile[16384];
        ld.param.u64 %rd1, [memory];
        ld.param.u64 %rd2, [offsets];
        mov.u32 %r1, %tid.x;
        mul.wide.u32 %rd3, %r1, 4;
        add.u64 %rd2, %rd2, %rd3;
        ld.global.u32 %r2, [%rd2];
        setp.ne.u32 %p1, %r2, -1;
        cvt.u64.u32 %rd4, %r2;
        add.u64 %rd5, %rd1, %rd4;
        mov.u64 %rd6, tile;
        add.u64 %rd7, %rd6, %rd4;
        """;

    const int MemoryBytes = 16384;

    /// <summary>Counts of a guarded instruction at offsets of each thread, less those of the kernel without it.</summary>
    static (long Bytes, long Sectors, double Efficiency, long SharedRequests, long Conflicts) Count(string instruction, int[] offsets)
    {
        bool isShared = instruction.Contains(".shared", StringComparison.Ordinal);
        string fill = isShared ? "shl.b32 %r3, %r1, 2;\nFILL:\ncvt.u64.u32 %rd8, %r3;\nadd.u64 %rd8, %rd8, %rd6;\nst.shared.u32 [%rd8], "
            + "%r3;\nmov.u32 %r4, %ntid.x;\nshl.b32 %r4, %r4, 2;\n"
            + $"add.u32 %r3, %r3, %r4;\nsetp.lt.u32 %p2, %r3, {MemoryBytes};\n@%p2 bra FILL;\nbar.sync 0;" : "";
        Counters[] counts = new Counters[2];
        for (int with = 0; with < 2; with++)
        {
            using Device device = Device.OfKernel(".param .u64 memory, .param .u64 offsets",
                $"{Head}\n{fill}\n{(with == 1 ? "@%p1 " + instruction : "")}\nret;");
            device.Launch("k", new Extent(1), new Extent(offsets.Length), device.Upload(new byte[MemoryBytes]), device.Upload(offsets));
            counts[with] = device.Counters;
        }
        long sectors = counts[1].SectorsLoaded + counts[1].SectorsStored - counts[0].SectorsLoaded;
        double needed = (counts[1].SectorEfficiency * (counts[1].SectorsLoaded + counts[1].SectorsStored))
            - (counts[0].SectorEfficiency * counts[0].SectorsLoaded);
        return (counts[1].BytesLoaded + counts[1].BytesStored - counts[0].BytesLoaded, sectors, sectors == 0
            ? 1
            : Math.Round(needed / sectors, 6),
            counts[1].SharedRequests - counts[0].SharedRequests, counts[1].BankConflicts - counts[0].BankConflicts);
    }

    static int[] Each(int threads, Func<int, int> offset) => [.. Enumerable.Range(0, threads).Select(offset)];

    static readonly object[] global =
    [
        new object[] { "coalesced", "ld.global.u32 %r5, [%rd5];", Each(64, t => 4 * t), 256L, 8L, 1.0 },
        new object[] { "coalesced, 8 bytes", "ld.global.u64 %rd9, [%rd5];", Each(64, t => 8 * t), 512L, 16L, 1.0 },
        new object[] { "coalesced, vectors", "ld.global.v4.u32 {%r5, %r6, %r7, %r8}, [%rd5];", Each(64, t => 16 * t), 1024L, 32L, 1.0 },
        new object[] { "coalesced bytes", "ld.global.u8 %rs1, [%rd5];", Each(64, t => t), 64L, 2L, 1.0 },
        new object[] { "shifted by 4", "ld.global.u32 %r5, [%rd5];", Each(64, t => 4 + (4 * t)), 256L, 10L, 0.8 },
        new object[] { "shifted vectors", "ld.global.v4.u32 {%r5, %r6, %r7, %r8}, [%rd5];", Each(32, t => 16 + (16 * t)), 512L, 17L,
            Math.Round(16.0 / 17, 6) },
        new object[] { "every other word", "ld.global.u32 %r5, [%rd5];", Each(64, t => 8 * t), 256L, 16L, 0.5 },
        new object[] { "one word a sector", "ld.global.u32 %r5, [%rd5];", Each(64, t => 32 * t), 256L, 64L, 0.125 },
        new object[] { "reversed", "ld.global.u32 %r5, [%rd5];", Each(32, t => 4 * (31 - t)), 128L, 4L, 1.0 },
        new object[] { "one word for all", "ld.global.u32 %r5, [%rd5];", Each(64, t => 64), 8L, 2L, 1.0 },
        new object[] { "one word for half a warp", "ld.global.u32 %r5, [%rd5];", Each(32, t => t / 16 * 4), 8L, 1L, 1.0 },
        new object[] { "five lanes", "ld.global.u32 %r5, [%rd5];", Each(5, t => 4 * t), 20L, 1L, 1.0 },
        new object[] { "odd lanes", "ld.global.u32 %r5, [%rd5];", Each(32, t => t % 2 == 1 ? 4 * t : -1), 64L, 4L, 0.5 },
        new object[] { "stores", "st.global.u32 [%rd5], %r1;", Each(64, t => 4 * t), 256L, 8L, 1.0 },
        new object[] { "stores of vectors", "st.global.v2.u32 [%rd5], {%r1, %r1};", Each(64, t => 8 * t), 512L, 16L, 1.0 },
        new object[] { "shifted stores", "st.global.u32 [%rd5], %r1;", Each(64, t => 4 + (4 * t)), 256L, 10L, 0.8 },
        new object[] { "strided stores", "st.global.u8 [%rd5], %r1;", Each(32, t => 32 * t), 32L, 32L, Math.Round(1.0 / 32, 6) },
        new object[] { "one word stored by all", "st.global.u32 [%rd5], 1;", Each(32, t => 0), 4L, 1L, 1.0 },
        new object[] { "atomic operations", "red.global.add.u32 [%rd5], 1;", Each(32, t => 0), 0L, 0L, 1.0 },
        new object[] { "local registers only", "add.u32 %r5, %r5, %r1;", Each(32, t => 0), 0L, 0L, 1.0 },
    ];

    [TestCaseSource(nameof(global))]
    public void GlobalMemory(string name, string instruction, int[] offsets, long bytes, long sectors, double efficiency)
    {
        var count = Count(instruction, offsets);
        Assert.That((count.Bytes, count.Sectors, count.Efficiency), Is.EqualTo((bytes, sectors, efficiency)), name);
    }

    static readonly object[] shared =
    [
        new object[] { "words in a row", "ld.shared.u32 %r5, [%rd7];", Each(64, t => 4 * t), 2L, 0L },
        new object[] { "two to a bank", "ld.shared.u32 %r5, [%rd7];", Each(64, t => 8 * t), 2L, 2L },
        new object[] { "four to a bank", "ld.shared.u32 %r5, [%rd7];", Each(32, t => 16 * t), 1L, 3L },
        new object[] { "all to a bank", "ld.shared.u32 %r5, [%rd7];", Each(32, t => 128 * t), 1L, 31L },
        new object[] { "a row of 33 words", "ld.shared.u32 %r5, [%rd7];", Each(32, t => 132 * t), 1L, 0L },
        new object[] { "one word for all", "ld.shared.u32 %r5, [%rd7];", Each(64, t => 256), 2L, 0L },
        new object[] { "one word for all but one", "ld.shared.u32 %r5, [%rd7];", Each(32, t => t == 9 ? 128 : 0), 1L, 1L },
        new object[] { "reversed", "ld.shared.u32 %r5, [%rd7];", Each(32, t => 4 * (31 - t)), 1L, 0L },
        new object[] { "two lanes on one bank", "ld.shared.u32 %r5, [%rd7];", Each(32, t => t == 0 ? 128 : t == 1 ? 256 : -1), 1L, 1L },
        new object[] { "bytes", "ld.shared.u8 %rs1, [%rd7];", Each(32, t => t), 1L, 0L },
        new object[] { "halves of words", "ld.shared.u16 %rs1, [%rd7];", Each(32, t => 2 * t), 1L, 0L },
        new object[] { "bytes of one bank", "ld.shared.u8 %rs1, [%rd7];", Each(32, t => 128 * t), 1L, 31L },
        new object[] { "8 bytes in a row", "ld.shared.u64 %rd9, [%rd7];", Each(32, t => 8 * t), 1L, 0L },
        new object[] { "8 bytes, every other", "ld.shared.u64 %rd9, [%rd7];", Each(32, t => 16 * t), 1L, 2L },
        new object[] { "vectors in a row", "ld.shared.v4.u32 {%r5, %r6, %r7, %r8}, [%rd7];", Each(32, t => 16 * t), 1L, 0L },
        new object[] { "vectors, a row apart", "ld.shared.v4.u32 {%r5, %r6, %r7, %r8}, [%rd7];", Each(32, t => 128 * t), 1L, 28L },
        new object[] { "vectors, a padded row apart", "ld.shared.v4.u32 {%r5, %r6, %r7, %r8}, [%rd7];", Each(32, t => 144 * t), 1L, 0L },
        new object[] { "one vector for all", "ld.shared.v4.u32 {%r5, %r6, %r7, %r8}, [%rd7];", Each(32, t => 32), 1L, 0L },
        new object[] { "stores in a row", "st.shared.u32 [%rd7], %r1;", Each(64, t => 4 * t), 2L, 0L },
        new object[] { "stores to one bank", "st.shared.u32 [%rd7], %r1;", Each(32, t => 128 * t), 1L, 31L },
        new object[] { "one word stored by all", "st.shared.u32 [%rd7], 1;", Each(32, t => 0), 1L, 0L },
        new object[] { "atomic operations", "red.shared.add.u32 [%rd7], 1;", Each(32, t => 8 * t), 1L, 1L },
    ];

    [TestCaseSource(nameof(shared))]
    public void SharedMemory(string name, string instruction, int[] offsets, long requests, long conflicts)
    {
        var count = Count(instruction, offsets);
        Assert.That((count.Bytes, count.SharedRequests, count.Conflicts), Is.EqualTo((0L, requests, conflicts)), name);
    }

    /// <summary>Any addresses and any lanes, against sets of sectors and of words.</summary>
    [Test]
    public void RandomAddresses([Values(1, 2, 4, 8, 16)] int bytes)
    {
        Random random = Device.Random();
        string[] forms = ["u8 %rs1", "u16 %rs1", "u32 %r5", "u64 %rd9", "v2.u64 {%rd9, %rd10}"];
        string form = forms[int.Log2(bytes)];
        for (int round = 0; round < 20; round++)
        {
            int range = random.Next(1, MemoryBytes / bytes), absent = random.Next(2) * 3;
            int[] offsets = Each(32, _ => random.Next(10) < absent ? -1 : random.Next(range) * bytes);
            int[] present = [.. offsets.Where(o => o >= 0)];
            long sectors = present.Select(o => o / 32).Distinct().Count(), conflicts = 0;
            int phase = bytes <= 4 ? 32 : 128 / bytes;
            for (int first = 0; first < 32; first += phase)
            {
                int[] words = [.. offsets[first..(first + phase)].Where(o => o >= 0)
                    .SelectMany(o => Enumerable.Range(o / 4, Math.Max(1, bytes / 4))).Distinct()];
                conflicts += words.Length == 0 ? 0 : words.GroupBy(w => w % 32).Max(g => g.Count()) - 1;
            }
            var count = Count($"ld.global.{form}, [%rd5];", offsets);
            Assert.That((count.Bytes, count.Sectors), Is.EqualTo(((long)present.Distinct().Count() * bytes, sectors)),
                string.Join(", ", offsets));
            Assert.That(Count($"ld.shared.{form}, [%rd7];", offsets).Conflicts, Is.EqualTo(conflicts), string.Join(", ", offsets));
        }
    }

    /// <summary>One instruction in a loop, whose addresses now move on together, now lie otherwise, now belong to other lanes.</summary>
    [Test]
    public void PatternsThatChangeInALoop([Values("u8 %rs1", "u32 %r5", "v4.u32 {%r5, %r6, %r7, %r8}")] string form)
    {
        const int Turns = 60;
        Random random = Device.Random();
        int bytes = form[0] == 'v' ? 16 : form == "u8 %rs1" ? 1 : 4, places = MemoryBytes / bytes;
        int[][] offsets = new int[Turns][];
        for (int turn = 0; turn < Turns; turn++)
        {
            int shift = random.Next(1, 9);
            offsets[turn] = turn > 0 && random.Next(3) > 0
                ? Each(32, t => offsets[turn - 1][t] < 0 ? -1 : (offsets[turn - 1][t] + (shift * bytes)) % MemoryBytes)
                : random.Next(2) == 0 ? Each(32, _ => random.Next(4) == 0 ? -1 : random.Next(places) * bytes)
                    : Each(32, t => t * bytes * random.Next(1, 3));
        }
        long distinct = 0, sectors = 0, conflicts = 0;
        foreach (int[] turn in offsets)
        {
            int[] present = [.. turn.Where(o => o >= 0).Distinct()];
            distinct += present.Length * bytes;
            sectors += present.Select(o => o / 32).Distinct().Count();
            int phase = Math.Min(32, 128 / bytes);
            for (int first = 0; first < 32; first += phase)
            {
                int[] words = [.. turn[first..(first + phase)].Where(o => o >= 0)
                    .SelectMany(o => Enumerable.Range(o / 4, Math.Max(1, bytes / 4))).Distinct()];
                conflicts += words.Length == 0 ? 0 : words.GroupBy(w => w % 32).Max(g => g.Count()) - 1;
            }
        }
        Counters Run(string instruction)
        {
            using Device device = Device.OfKernel(".param .u64 memory, .param .u64 offsets", $"""
                {Head}
                shl.b32 %r3, %r1, 2;
                FILL:
                cvt.u64.u32 %rd8, %r3;
                add.u64 %rd8, %rd8, %rd6;
                st.shared.u32 [%rd8], %r3;
                add.u32 %r3, %r3, 128;
                setp.lt.u32 %p2, %r3, {MemoryBytes};
                @%p2 bra FILL;
                bar.sync 0;
                mov.u32 %r3, 0;
                LOOP:
                ld.global.u32 %r2, [%rd2];
                setp.ne.u32 %p1, %r2, -1;
                cvt.u64.u32 %rd4, %r2;
                add.u64 %rd5, %rd1, %rd4;
                add.u64 %rd7, %rd6, %rd4;
                {instruction}
                add.u64 %rd2, %rd2, 128;
                add.u32 %r3, %r3, 1;
                setp.lt.u32 %p2, %r3, {Turns};
                @%p2 bra LOOP;
                ret;
                """);
            device.Launch("k", new Extent(1), new Extent(32), device.Upload(new byte[MemoryBytes]),
                device.Upload(offsets.SelectMany(o => o).ToArray()));
            return device.Counters;
        }
        Counters none = Run(""), global = Run($"@%p1 ld.global.{form}, [%rd5];"), shared = Run($"@%p1 ld.shared.{form}, [%rd7];");
        Assert.That((global.BytesLoaded - none.BytesLoaded, global.SectorsLoaded - none.SectorsLoaded), Is.EqualTo((distinct, sectors)));
        Assert.That(shared.BankConflicts - none.BankConflicts, Is.EqualTo(conflicts));
    }

    [Test]
    public void InstructionsByClass()
    {
        using Device device = Device.OfKernel(".param .u64 memory", """
            .reg .pred %p<2>;
            .reg .b32 %r<8>;
            .reg .f32 %f<4>;
            .reg .b64 %rd<4>;
            ld.param.u64 %rd1, [memory];
            mov.u32 %r1, %tid.x;
            setp.lt.u32 %p1, %r1, 40;
            @%p1 add.u32 %r2, %r1, 1;
            @!%p1 cvt.rn.f32.u32 %f1, %r1;
            mov.f32 %f1, 0f3F800000;
            fma.rn.f32 %f1, %f1, %f1, %f1;
            bar.sync 0;
            @%p1 red.global.add.u32 [%rd1], 1;
            ret;
            """);
        device.Launch("k", new Extent(3), new Extent(70), device.Upload(0));
        device.Launch("k", new Extent(1), new Extent(32), device.Upload(0));
        Counters c = device.Counters;
        (InstructionClass Type, long Warps, long Lanes)[] expected =
        [
            (InstructionClass.Load, 10, 242), (InstructionClass.Move, 20, 484), (InstructionClass.Predicate, 10, 242),
                (InstructionClass.Integer, 10, 152),
            (InstructionClass.Conversion, 10, 90), (InstructionClass.Float32, 10, 242), (InstructionClass.Barrier, 10, 242),
            (InstructionClass.Atomic, 10, 152), (InstructionClass.Branch, 10, 242),
        ];
        foreach ((InstructionClass type, long warps, long lanes) in expected)
            Assert.That((c.WarpInstructionsOf(type), c.LaneInstructionsOf(type)), Is.EqualTo((warps, lanes)), type.ToString());
        Assert.That((c.WarpInstructions, c.LaneInstructions), Is.EqualTo((expected.Sum(e => e.Warps), expected.Sum(e => e.Lanes))));
        Assert.That((c.Launches, c.Threads, c.Barriers, c.Atomics, c.BytesLoaded, c.SectorsLoaded), Is.EqualTo((2, 242, 10, 152, 0, 0)));
    }

    [Test]
    public void ConstantMemoryIsNotGlobalMemory()
    {
        using Device device = Device.OfKernel(".param .u64 memory",
            ".reg .b32 %r<2>;\n.reg .b64 %rd<2>;\nld.param.u64 %rd1, [memory];\nld.const.u32 %r1, [table+4];\nst.global.u32 [%rd1], "
            + "%r1;\nret;",
            ".const .u32 table[2] = {3, 4};");
        ulong memory = device.Allocate(4);
        device.Launch("k", new Extent(1), new Extent(1), memory);
        Assert.That(device.Download<uint>(memory, 1)[0], Is.EqualTo(4u));
        Assert.That((device.Counters.BytesLoaded, device.Counters.BytesStored), Is.EqualTo((0, 4)));
    }
}
