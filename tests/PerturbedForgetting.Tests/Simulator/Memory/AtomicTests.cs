using PerturbedForgetting.Simulator.Execution;

namespace PerturbedForgetting.Tests.Simulator.Memory;

/// <summary>Every atomic operation against a plain statement of it (PTX ISA, "atom", "red").</summary>
public class AtomicTests
{
    const int Cells = 5, Threads = 32;

    delegate ulong Operation(ulong old, ulong b, ulong c);

    static readonly Dictionary<string, Operation> operations = new()
    {
        ["add.u32"] = (old, b, _) => (uint)(old + b),
        ["add.s32"] = (old, b, _) => (uint)(old + b),
        ["add.u64"] = (old, b, _) => old + b,
        ["add.f32"] = (old, b, _) =>
            BitConverter.SingleToUInt32Bits(BitConverter.UInt32BitsToSingle((uint)old) + BitConverter.UInt32BitsToSingle((uint)b)),
        ["add.f64"] = (old, b, _) =>
        BitConverter.DoubleToUInt64Bits(BitConverter.UInt64BitsToDouble(old) + BitConverter.UInt64BitsToDouble(b)),
        ["min.u32"] = (old, b, _) => (uint)old < (uint)b ? old : b,
        ["min.s32"] = (old, b, _) => (int)old < (int)b ? old : b,
        ["min.u64"] = (old, b, _) => old < b ? old : b,
        ["min.s64"] = (old, b, _) => (long)old < (long)b ? old : b,
        ["max.u32"] = (old, b, _) => (uint)old > (uint)b ? old : b,
        ["max.s32"] = (old, b, _) => (int)old > (int)b ? old : b,
        ["max.u64"] = (old, b, _) => old > b ? old : b,
        ["max.s64"] = (old, b, _) => (long)old > (long)b ? old : b,
        // One more, and behind the bound zero; one less, and below zero or above the bound the bound.
        ["inc.u32"] = (old, b, _) => (uint)old >= (uint)b ? 0 : old + 1,
        ["dec.u32"] = (old, b, _) => (uint)old == 0 || (uint)old > (uint)b ? b : old - 1,
        ["and.b32"] = (old, b, _) => old & b,
        ["or.b32"] = (old, b, _) => old | b,
        ["xor.b32"] = (old, b, _) => old ^ b,
        ["and.b64"] = (old, b, _) => old & b,
        ["or.b64"] = (old, b, _) => old | b,
        ["xor.b64"] = (old, b, _) => old ^ b,
        ["exch.b32"] = (_, b, _) => b,
        ["exch.b64"] = (_, b, _) => b,
        ["cas.b32"] = (old, b, c) => (uint)old == (uint)b ? c : old,
        ["cas.b64"] = (old, b, c) => old == b ? c : old,
    };

    public static IEnumerable<string> Operations => operations.Keys;

    static int Bits(string operation) => operation.EndsWith("64", StringComparison.Ordinal) ? 64 : 32;

    /// <summary>One warp; each lane changes one of a few cells and tells what was there. Lanes take their turn in order.</summary>
    [Test]
    public void ChangesTheCellAndReturnsWhatWasThere([ValueSource(nameof(Operations))] string operation,
        [Values("global", "shared", "generic:global", "generic:shared")] string space, [Values] bool returns)
    {
        int bits = Bits(operation);
        Random random = Device.Random();
        for (int round = 0; round < 5; round++)
        {
            ulong[] cells = Values(operation, Cells, random), b = Values(operation, Threads, random),
                c = Values(operation, Threads, random);
            int[] places = [.. Enumerable.Range(0, Threads).Select(_ => round == 0 ? 0 : random.Next(Cells))];
            ulong[] expected = [.. cells], old = new ulong[Threads];
            for (int t = 0; t < Threads; t++)
            {
                // A third of the comparisons succeeds.
                if (operation.StartsWith("cas", StringComparison.Ordinal) && t % 3 == 0)
                    b[t] = expected[places[t]];
                old[t] = expected[places[t]];
                expected[places[t]] = operations[operation](old[t], b[t], c[t]);
            }
            using var device = new Device(Kernel(operation, space, returns)) { AllowsUnorderedSums = true };
            ulong memory = device.Upload(cells), results = device.Upload(new ulong[Threads]);
            device.Launch("k", new Extent(1), new Extent(Threads), memory, device.Upload(places), device.Upload(b), device.Upload(c),
                results);
            ulong mask = AccessKernel.Mask(bits);
            Assert.That(device.Download<ulong>(memory, Cells).Select(v => v & mask), Is.EqualTo(expected.Select(v => v & mask)));
            Assert.That(device.Download<ulong>(results, Threads).Select(v => v & mask),
                Is.EqualTo(old.Select(v => returns ? v & mask : 0)));
            Assert.That(device.Counters.Atomics, Is.EqualTo(space.EndsWith("global", StringComparison.Ordinal) ? Threads : 0));
        }
    }

    static ulong[] Values(string operation, int count, Random random) => [.. Enumerable.Range(0, count).Select(_ => operation switch
    {
        "add.f32" => BitConverter.SingleToUInt32Bits((random.NextSingle() - 0.5f) * 100),
        "add.f64" => BitConverter.DoubleToUInt64Bits((random.NextDouble() - 0.5) * 100),
        "inc.u32" or "dec.u32" => (ulong)random.Next(6),
        _ => (random.Next(5) switch { 0 => 0ul, 1 => ulong.MaxValue, 2 => 1ul << (Bits(operation) - 1), _ =>
            (ulong)random.NextInt64() ^ ((ulong)random.Next() << 40) }) & AccessKernel.Mask(Bits(operation)),
    })];

    static string Kernel(string operation, string space, bool returns)
    {
        string plain = space.Split(':')[^1], bits = "b" + Bits(operation),
            register = operation.Contains(".f", StringComparison.Ordinal) ? "%f" : "%v";
        string type = register == "%f" ? operation.Split('.')[1] : bits, form = (space == plain ? "." + plain : "") + "." + operation;
        string c = operation.StartsWith("cas", StringComparison.Ordinal) ? $", {register}3" : "";
        return $$"""
            .version 7.8
            .target sm_80
            .address_size 64
            .visible .entry k(.param .u64 memory, .param .u64 places, .param .u64 b, .param .u64 c, .param .u64 results)
            {
            .reg .pred %p<4>;
            .reg .b32 %r<16>;
            .reg .b64 %rd<16>;
            .reg .{{bits}} %v<4>;
            .reg .f{{Bits(operation)}} %f<4>;
            .shared .align 8 .b8 tile[{{8 * Cells}}];
            ld.param.u64 %rd1, [memory];
            ld.param.u64 %rd2, [places];
            ld.param.u64 %rd3, [b];
            ld.param.u64 %rd4, [c];
            ld.param.u64 %rd5, [results];
            mov.u32 %r1, %tid.x;
            mul.wide.u32 %rd6, %r1, 4;
            add.u64 %rd2, %rd2, %rd6;
            shl.b64 %rd6, %rd6, 1;
            add.u64 %rd3, %rd3, %rd6;
            add.u64 %rd4, %rd4, %rd6;
            add.u64 %rd5, %rd5, %rd6;
            add.u64 %rd7, %rd1, %rd6;
            mov.u64 %rd8, tile;
            add.u64 %rd9, %rd8, %rd6;
            setp.lt.u32 %p1, %r1, {{Cells}};
            @%p1 ld.global.u64 %rd10, [%rd7];
            @%p1 st.shared.u64 [%rd9], %rd10;
            bar.warp.sync -1;
            ld.global.u32 %r2, [%rd2];
            ld.global.{{type}} {{register}}2, [%rd3];
            ld.global.{{type}} {{register}}3, [%rd4];
            mul.wide.u32 %rd11, %r2, 8;
            add.u64 %rd11, %rd11, {{(plain == "global" ? "%rd1" : "%rd8")}};
            {{(space == "generic:shared" ? "cvta.shared.u64 %rd11, %rd11;" : "")}}
            {{(returns ? $"atom{form} {register}1, [%rd11], {register}2{c};\nst.global.{type} [%rd5], {register}1;"
                : operation.StartsWith("cas", StringComparison.Ordinal) || operation.StartsWith("exch", StringComparison.Ordinal)
                ? $"atom{form} _, [%rd11], {register}2{c};"
                : $"red{form} [%rd11], {register}2;")}}
            bar.warp.sync -1;
            {{(plain == "shared" ? "@%p1 ld.shared.u64 %rd10, [%rd9];\n@%p1 st.global.u64 [%rd7], %rd10;" : "")}}
            ret;
            }
            """;
    }

    const string Contest = """
        .reg .pred %p<4>;
        .reg .b32 %r<16>;
        .reg .b64 %rd<8>;
        ld.param.u64 %rd1, [cell];
        ld.param.u64 %rd2, [results];
        mov.u32 %r1, %ctaid.x;
        mov.u32 %r2, %ntid.x;
        mov.u32 %r3, %tid.x;
        mad.lo.u32 %r4, %r1, %r2, %r3;
        mul.wide.u32 %rd3, %r4, 4;
        add.u64 %rd2, %rd2, %rd3;
        """;

    static (uint Cell, uint[] Results) RunContest(string body, uint initial, int blocks = 200, int threads = 96)
    {
        using Device device = Device.OfKernel(".param .u64 cell, .param .u64 results", $"{Contest}\n{body}\nret;");
        ulong cell = device.Upload(initial), results = device.Upload(new uint[blocks * threads]);
        device.Launch("k", new Extent(blocks), new Extent(threads), cell, results);
        return (device.Download<uint>(cell, 1)[0], device.Download<uint>(results, blocks * threads));
    }

    /// <summary>Many blocks on both workers: every number is drawn once.</summary>
    [Test]
    public void NoAdditionIsLost()
    {
        (uint cell, uint[] results) = RunContest("atom.global.add.u32 %r5, [%rd1], 1;\nst.global.u32 [%rd2], %r5;", 7);
        Assert.That(cell, Is.EqualTo(7u + 19200));
        Array.Sort(results);
        Assert.That(results, Is.EqualTo(Enumerable.Range(7, 19200).Select(i => (uint)i)));
    }

    /// <summary>A counter that goes round at 9: each of its values comes as often.</summary>
    [Test]
    public void RoundCounter([Values("inc", "dec")] string operation)
    {
        (uint cell, uint[] results) = RunContest($"atom.global.{operation}.u32 %r5, [%rd1], 9;\nst.global.u32 [%rd2], %r5;", 0);
        Assert.That(cell, Is.EqualTo(0));
        Assert.That(results.GroupBy(r => r).Select(g => (g.Key, g.Count())).Order(),
            Is.EqualTo(Enumerable.Range(0, 10).Select(i => ((uint)i, 1920))));
    }

    /// <summary>What was put in comes out once, or is the last.</summary>
    [Test]
    public void NothingIsExchangedTwice()
    {
        (uint cell, uint[] results) =
            RunContest("add.u32 %r6, %r4, 1;\natom.global.exch.b32 %r5, [%rd1], %r6;\nst.global.u32 [%rd2], %r5;", 0);
        Assert.That(results.Append(cell).Order(), Is.EqualTo(Enumerable.Range(0, 19201).Select(i => (uint)i)));
    }

    /// <summary>An addition made of compare-and-swap, as programs do for types that have none; lanes leave the loop one by one.</summary>
    [Test]
    public void CompareAndSwapLoop()
    {
        (uint cell, uint[] results) = RunContest("""
            ld.volatile.global.u32 %r5, [%rd1];
            LOOP:
            mov.u32 %r6, %r5;
            add.u32 %r7, %r6, 3;
            atom.global.cas.b32 %r5, [%rd1], %r6, %r7;
            setp.ne.u32 %p1, %r5, %r6;
            @%p1 bra LOOP;
            st.global.u32 [%rd2], %r6;
            """, 0, 50, 64);
        Assert.That(cell, Is.EqualTo(3u * 3200));
        Assert.That(results.Order(), Is.EqualTo(Enumerable.Range(0, 3200).Select(i => (uint)i * 3)));
    }

    /// <summary>The flushing of subnormal numbers differs between the spaces.</summary>
    [Test]
    public void SubnormalSumsAreFlushedOnGlobalMemoryOnly()
    {
        const float Tiny = 1e-39f;
        using Device device = Device.OfKernel(".param .u64 cell, .param .u64 results", $$"""
            {{Contest}}
            .reg .f32 %f<4>;
            .shared .f32 word;
            ld.global.f32 %f1, [%rd1];
            st.shared.f32 [word], %f1;
            red.shared.add.f32 [word], %f1;
            red.global.add.f32 [%rd1], %f1;
            ld.shared.f32 %f2, [word];
            st.global.f32 [%rd2], %f2;
            ret;
            """);
        ulong cell = device.Upload(Tiny), result = device.Allocate(4);
        device.Launch("k", new Extent(1), new Extent(1), cell, result);
        Assert.That(device.Download<float>(cell, 1)[0], Is.EqualTo(0));
        Assert.That(device.Download<float>(result, 1)[0], Is.EqualTo(Tiny + Tiny).And.Not.EqualTo(0));
    }
}
