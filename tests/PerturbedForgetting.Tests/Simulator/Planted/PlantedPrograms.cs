using PerturbedForgetting.Simulator.Execution;

namespace PerturbedForgetting.Tests.Simulator.Planted;

/// <summary>Faults in a few lines of PTX.</summary>
static class PlantedPrograms
{
    const string WarpBarrier = "warp_barrier() (bar.warp.sync)", Barrier = "barrier() (bar.sync)", Between = "arrives_last";

    /// <summary>The neighbour's word, by way of shared memory.</summary>
    const string Exchange = "st.shared.u32 [%r5], %r1;\n#\nld.shared.u32 %r10, [%r6];\nst.global.u32 [%rd4], %r10;";

    /// <summary>By way of global memory.</summary>
    const string GlobalExchange = "st.global.u32 [%rd3], %r1;\n#\nld.global.u32 %r10, [%rd5];\nst.global.u32 [%rd4], %r10;";

    /// <summary>The word of the thread across the block.</summary>
    const string Across = """
        st.global.u32 [%rd3], %r1;
        #
        xor.b32 %r8, %r1, 32;
        mul.wide.u32 %rd5, %r8, 4;
        add.u64 %rd5, %rd1, %rd5;
        ld.global.u32 %r10, [%rd5];
        st.global.u32 [%rd4], %r10;
        """;

    public static IEnumerable<PlantedProgram> All => [.. Lanes, .. Warps, .. Blocks, .. Arrivals, .. Order, .. Others];

    static IEnumerable<PlantedProgram> Lanes =>
    [
        new("lanes that exchange through shared memory without a barrier", FaultKind.SharedRace, WarpBarrier, Exchange,
            "bar.warp.sync -1;", ""),
        new("a shuffle in place of a barrier of the lanes", FaultKind.SharedRace, WarpBarrier, Exchange, "bar.warp.sync -1;",
            "shfl.sync.bfly.b32 %r11, %r1, 1, 31, -1;"),
        new("a vote in place of a barrier of the lanes", FaultKind.SharedRace, WarpBarrier, Exchange, "bar.warp.sync -1;",
            "setp.lt.u32 %p1, %r1, 9;\nvote.sync.any.pred %p2, %p1, -1;"),
        new("a barrier of half of the lanes", FaultKind.SharedRace, WarpBarrier, Exchange,
            "setp.lt.u32 %p1, %r2, 16;\n@%p1 bar.warp.sync 0x0000ffff;\n@!%p1 bar.warp.sync 0xffff0000;",
            "setp.lt.u32 %p1, %r2, 16;\n@%p1 bar.warp.sync 0x0000ffff;"),
        new("a read that a later write of another lane overtakes", FaultKind.SharedRace, WarpBarrier,
            "st.shared.u32 [%r5], %r1;\nbar.warp.sync -1;\nld.shared.u32 %r10, [%r6];\n#\nst.shared.u32 [%r5], %r10;", "bar.warp.sync -1;",
            ""),
        new("lanes that exchange through global memory without a barrier", FaultKind.GlobalRace, WarpBarrier, GlobalExchange,
            "bar.warp.sync -1;", ""),
        new("a fence in place of a barrier of the lanes", FaultKind.GlobalRace, WarpBarrier, GlobalExchange,
            "fence.acq_rel.cta;\nbar.warp.sync -1;", "fence.acq_rel.cta;"),
        new("a byte by two lanes", FaultKind.GlobalRace, WarpBarrier,
            "setp.eq.u32 %p1, %r1, 0;\nsetp.eq.u32 %p2, %r1, 5;\n@%p1 st.global.u8 [%rd1+#], %r9;\n@%p2 ld.global.u8 %r10, [%rd1+3];", "2",
            "3", Threads: 32),
        new("different values of lanes at one address", FaultKind.WriteConflict, "store different values",
            "st.shared.u32 [words], #;", "%r9", "%r1", Threads: 32),
    ];

    static IEnumerable<PlantedProgram> Warps =>
    [
        new("warps that exchange through global memory without a barrier", FaultKind.GlobalRace, Barrier, Across, "bar.sync 0;", ""),
        new("a barrier of the lanes in place of one of the warps", FaultKind.GlobalRace, Barrier, Across, "bar.sync 0;",
            "bar.warp.sync -1;"),
        new("a fence in place of a barrier", FaultKind.GlobalRace, Barrier, Across, "bar.sync 0;", "fence.acq_rel.gpu;"),
        new("a barrier of two of four warps", FaultKind.GlobalRace, Barrier,
            "setp.gt.u32 %p1, %r3, 1;\nst.global.u32 [%rd3], %r1;\n@%p1 bra OTHERS;\nbar.sync 1, 64;\nOTHERS:\n#\nadd.u32 %r8, %r1, 32;\n"
            + "and.b32 %r8, %r8, 127;\nmul.wide.u32 %rd5, %r8, 4;\nadd.u64 %rd5, %rd1, %rd5;\nld.global.u32 %r10, [%rd5];\n"
            + "st.global.u32 [%rd4], %r10;", "bar.sync 0;", "", Threads: 128),
        new("a producer that arrives before it writes", FaultKind.SharedRace, Barrier,
            "setp.eq.u32 %p1, %r3, 0;\n@!%p1 bra CONSUME;\n#\nbra DONE;\nCONSUME:\nbar.sync 1, 64;\nand.b32 %r8, %r1, 31;\n"
            + "mad.lo.u32 %r6, %r8, 4, %r7;\nld.shared.u32 %r10, [%r6];\nDONE:\nret;",
            "st.shared.u32 [%r5], %r1;\nbar.arrive 1, 64;", "bar.arrive 1, 64;\nst.shared.u32 [%r5], %r1;"),
        new("warps that write one word", FaultKind.GlobalRace, Barrier, "setp.eq.u32 %p1, %r2, 0;\n@%p1 st.global.u32 [#], %r3;", "%rd3",
            "%rd1"),
    ];

    static IEnumerable<PlantedProgram> Blocks =>
    [
        new("blocks that write one word", FaultKind.GlobalRace, Between,
            "mul.wide.u32 %rd6, %r4, 4;\nadd.u64 %rd6, %rd6, %rd1;\nsetp.eq.u32 %p1, %r1, 0;\n@%p1 st.global.u32 [#], %r4;", "%rd6", "%rd1",
            Blocks: 5),
        new("blocks that write one word the same", FaultKind.GlobalRace, Between,
            "setp.eq.u32 %p1, %r1, 0;\n@%p1 st.#global.u32 [%rd1], %r9;", "relaxed.gpu.", "", Blocks: 5),
        new("a block that reads what another one writes", FaultKind.GlobalRace, Between,
            "mul.wide.u32 %rd6, %r4, 256;\nadd.u64 %rd6, %rd6, %rd3;\nst.global.u32 [%rd6], %r1;\nld.global.u32 %r10, [#];", "%rd6",
            "%rd3", Blocks: 3),
        new("a block that reads a counter as if nobody counted", FaultKind.GlobalRace, Between,
            "ld.#global.u32 %r10, [%rd1];\natom.global.add.u32 %r10, [%rd1], 1;", "relaxed.gpu.", "", Blocks: 3, Threads: 1),
        new("a counter of scope .cta between blocks", FaultKind.GlobalRace, "scope .cta", "red.#.global.add.u32 [%rd1], 1;", "gpu", "cta",
            Blocks: 3),
        new("ld.global.nc of what the thread wrote", FaultKind.ReadOnlyRace, "no __ldg",
            "st.global.u32 [%rd3], %r1;\nld.global.#u32 %r10, [%rd3];", "", "nc."),
        new("ld.global.nc of what another block writes", FaultKind.ReadOnlyRace, "no __ldg",
            "setp.eq.u32 %p1, %r4, 0;\n@%p1 ld.global.nc.u32 %r10, [%rd3];\n@!%p1 st.global.u32 [%rd3+#], %r1;", "1024", "0", Blocks: 2),
    ];

    const string Counted = "<barrier>\n@!%p1 bra WAIT;\n<fence>";

    /// <summary>Every block writes its part; the last one to arrive reads all.</summary>
    static PlantedProgram Arrival(string name, string wrong, string right, FaultKind kind = FaultKind.GlobalRace, string advice = Between)
    {
        const string Whole = """
            mul.wide.u32 %rd6, %r4, 4;
            add.u64 %rd6, %rd6, %rd1;
            setp.eq.u32 %p1, %r1, 0;
            setp.eq.u32 %p2, %r1, 40;
            <early>
            @%p2 st.global.u32 [%rd6+16], %r4;
            <barrier>
            @!%p1 bra WAIT;
            <fence>
            atom.global.inc.u32 %r10, [%rd1], 3;
            <behind>
            st.shared.u32 [words], %r10;
            WAIT:
            bar.sync 0;
            ld.shared.u32 %r10, [words];
            setp.ne.u32 %p3, %r10, 3;
            @%p3 bra DONE;
            setp.gt.u32 %p4, %r1, 3;
            @%p4 bra DONE;
            ld.global.u32 %r11, [%rd3+16];
            st.global.u32 [%rd4], %r11;
            DONE:
            """;
        string body = Fill(Whole.Replace(right, "#", StringComparison.Ordinal));
        string good = Fill(right);
        return new(name, kind, advice, body, good, wrong, Blocks: 4);

        static string Fill(string text) => text.Replace("<early>", "", StringComparison.Ordinal)
            .Replace("<barrier>", "bar.sync 0;", StringComparison.Ordinal)
            .Replace("<fence>", "fence.acq_rel.gpu;", StringComparison.Ordinal)
            .Replace("<behind>", "fence.acq_rel.gpu;", StringComparison.Ordinal);
    }

    static IEnumerable<PlantedProgram> Arrivals =>
    [
        Arrival("no fence before the arrival", "", "<fence>"),
        Arrival("no fence behind the arrival", "", "<behind>"),
        Arrival("a fence of the block before the arrival", "fence.acq_rel.cta;", "<fence>"),
        Arrival("membar.cta behind the arrival", "membar.cta;", "<behind>"),
        Arrival("no barrier before the arrival", "", "<barrier>"),
        Arrival("the fence before the barrier", "@%p1 fence.acq_rel.gpu;\nbar.sync 0;\n@!%p1 bra WAIT;", Counted),
        Arrival("the last block reads before it arrives", "@%p2 ld.global.u32 %r11, [%rd1+24];", "<early>"),
        Arrival("an arrival of scope .cta", "atom.cta.global.inc.u32 %r10, [%rd1], 3;", "atom.global.inc.u32 %r10, [%rd1], 3;",
            advice: "scope .cta"),
    ];

    static IEnumerable<PlantedProgram> Order =>
    [
        new("a sum of blocks by atomic operations", FaultKind.ArrivalOrder, "fixed order",
            "setp.eq.u32 %p1, %r1, 0;\n@%p1 red.global.add.#;", "u32 [%rd1], %r9", "f32 [%rd1], %f1", Blocks: 3),
        new("a sum of warps in shared memory by atomic operations", FaultKind.ArrivalOrder, "fixed order",
            "setp.eq.u32 %p1, %r1, 0;\n@%p1 st.shared.u32 [words], 0;\nbar.sync 0;\nsetp.eq.u32 %p1, %r2, 0;\n@%p1 red.shared.add.#;",
            "u32 [words], %r9", "f32 [words], %f1"),
        new("a sum by compare-and-swap", FaultKind.ArrivalOrder, "fixed order",
            "setp.eq.u32 %p1, %r1, 0;\n@!%p1 bra DONE;\nld.relaxed.gpu.global.b32 %r10, [%rd1];\nAGAIN:\nmov.b32 %r12, %r10;\n"
            + "mov.b32 %f3, %r10;\n#;\nmov.b32 %r11, %f4;\natom.global.cas.b32 %r10, [%rd1], %r12, %r11;\nsetp.ne.u32 %p2, %r10, %r12;\n"
            + "@%p2 bra AGAIN;\nDONE:", "max.f32 %f4, %f3, %f1", "add.f32 %f4, %f3, %f1", Blocks: 3),
        new("parts in the order of arrival", FaultKind.ArrivalOrder, "order of arrival",
            "setp.eq.u32 %p1, %r1, 0;\n@!%p1 bra DONE;\ncvt.rn.f32.u32 %f2, %r4;\natom.global.add.u32 %r10, [%rd1], 1;\n"
            + "mul.wide.u32 %rd6, #, 4;\nadd.u64 %rd6, %rd6, %rd2;\nst.global.f32 [%rd6], %f2;\nDONE:", "%r4", "%r10", Blocks: 3),
        new("parts in the order of arrival, of which all threads of a block are told", FaultKind.ArrivalOrder, "order of arrival",
            "setp.eq.u32 %p1, %r1, 0;\n@!%p1 bra WAIT;\natom.global.inc.u32 %r10, [%rd1], 99;\nst.shared.u32 [words], %r10;\nWAIT:\n"
            + "bar.sync 0;\nld.shared.u32 %r11, [words];\ncvt.rn.f32.u32 %f2, %r1;\nmad.lo.u32 %r12, #, 64, %r1;\n"
            + "mul.wide.u32 %rd6, %r12, 4;\nadd.u64 %rd6, %rd6, %rd2;\nst.global.f32 [%rd6], %f2;", "%r4", "%r11", Blocks: 3),
        new("a sum of lanes by atomic operations", FaultKind.ArrivalOrder, "fixed order", "red.global.add.f32 [#], %f1;", "%rd3", "%rd1",
            Threads: 32),
    ];

    static IEnumerable<PlantedProgram> Others =>
    [
        new("a barrier that warps may miss", FaultKind.SharedRace, Barrier,
            "st.shared.u32 [%r5], %r1;\n#\nxor.b32 %r8, %r1, 32;\nmad.lo.u32 %r6, %r8, 4, %r7;\nld.shared.u32 %r10, [%r6];", "bar.sync 0;",
            ""),
        new("a barrier in a divergent branch", FaultKind.DivergentBarrier, "reach the barrier",
            "setp.lt.u32 %p1, %r1, #;\n@%p1 bar.sync 0;",
            "64", "7"),
        new("two barriers that wait for each other", FaultKind.BarrierDeadlock, "for ever", "add.u32 %r10, %r3, 3;\nbar.sync #;", "3",
            "%r10"),
        new("a shuffle in a divergent branch", FaultKind.WrongShuffle, "not at this instruction",
            "setp.lt.u32 %p1, %r1, #;\n@%p1 shfl.sync.bfly.b32 %r10, %r1, 1, 31, -1;", "64", "16"),
        new("a member mask without the lane itself", FaultKind.WrongShuffle, "does not name it",
            "shfl.sync.bfly.b32 %r10, %r1, 1, 31, #;", "-1", "0x0000ffff", Threads: 32),
        new("cp.async that is not waited for", FaultKind.SharedRace, "not waited for",
            "cp.async.ca.shared.global [%r5], [%rd3], 4;\ncp.async.commit_group;\n#\nld.shared.u32 %r10, [%r5];", "cp.async.wait_group 0;",
            ""),
        new("cp.async that is waited for by a group too few", FaultKind.SharedRace, "not waited for",
            "cp.async.ca.shared.global [%r5], [%rd3], 4;\ncp.async.commit_group;\ncp.async.wait_group #;\nld.shared.u32 %r10, [%r5];", "0",
            "1"),
        new("cp.async of other lanes without a barrier", FaultKind.SharedRace, WarpBarrier,
            "cp.async.ca.shared.global [%r5], [%rd3], 4;\ncp.async.wait_all;\n#\nld.shared.u32 %r10, [%r6];", "bar.warp.sync -1;", ""),
        new("shared memory that nobody wrote", FaultKind.Uninitialized, "never written", "#\nld.shared.u32 %r10, [%r5];",
            "st.shared.u32 [%r5], %r1;", ""),
        new("global memory that nobody wrote", FaultKind.Uninitialized, "never written", "ld.global.u32 %r10, [#];", "%rd3", "%rd4"),
        new("an index past the end", FaultKind.OutOfBounds, "allocation #", "ld.global.u32 %r10, [%rd3+#];", "0", "4096"),
        new("an index before the beginning", FaultKind.OutOfBounds, "allocation #", "st.global.u32 [%rd3-#], %r1;", "0", "4"),
        new("a vector at an odd place", FaultKind.Misaligned, "multiple of 16", "ld.global.v4.u32 {%r10, %r11, %r12, %r13}, [%rd1+#];",
            "16",
            "8"),
        new("shared memory past the end", FaultKind.OutOfBounds, "the block has 1024 bytes", "st.shared.u32 [%r5+#], %r1;", "0", "1024"),
    ];
}
