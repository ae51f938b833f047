using PerturbedForgetting.Simulator.Execution;
using PerturbedForgetting.Simulator.Ptx;

namespace PerturbedForgetting.Tests.Simulator.Memory;

/// <summary>A kernel in which every thread makes one access of a form, at an offset of its own into 4096 bytes; a thread whose offset is
/// -1 makes none. Shared and local memory are filled from, or copied to, global memory.</summary>
/// <param name="Space">Where the bytes are: global, shared, local, const; <c>generic:</c> before it for an access by generic
/// address.</param>
/// <param name="Type">Type of an element.</param>
/// <param name="Count">Elements of an access.</param>
/// <param name="RegisterBits">Width of the registers.</param>
/// <param name="Hints">Modifiers between the space and the vector.</param>
sealed record AccessKernel(string Space, string Type, int Count, int RegisterBits, string Hints = "")
{
    public const int Bytes = 4096;

    public const int Blocks = 2, Threads = 70;

    public static readonly string[] Types = ["b8", "u8", "s8", "b16", "u16", "s16", "b32", "u32", "s32", "f32", "b64", "u64", "s64", "f64"];

    /// <summary>Every form of a space.</summary>
    public static IEnumerable<AccessKernel> Forms(string space, bool isStore) =>
        from type in Types
        from count in new[] { 1, 2, 4 }
        from bits in new[] { 16, 32, 64 }
        let size = PtxTypes.SizeOf(PtxTypes.Parse(type))
        where size * count <= 16 && bits >= 8 * size && (type[0] != 'f' || bits == 8 * size)
        && (!isStore || bits == Math.Max(16, 8 * size) || bits == 64)
        select new AccessKernel(space, type, count, bits);

    int ElementBytes => PtxTypes.SizeOf(PtxTypes.Parse(Type));

    public int AccessBytes => ElementBytes * Count;

    string Register => Type[0] == 'f' ? "%f" : "%v";

    string Registers => Count == 1 ? Register + "0" : "{" + string.Join(", ", Enumerable.Range(0, Count).Select(e => Register + e)) + "}";

    string Plain => Space.Split(':')[^1];

    bool IsGeneric => Space.StartsWith("generic:", StringComparison.Ordinal);

    string Form(string opcode) => $"{opcode}{(IsGeneric ? "" : "." + Plain)}{Hints}{(Count == 1 ? "" : ".v" + Count)}.{Type}";

    string Declarations => $$"""
        .reg .pred %p<4>;
        .reg .b32 %r<16>;
        .reg .b64 %rd<16>;
        .reg .b{{RegisterBits}} %v<4>;
        .reg .f{{(Type == "f64" ? 64 : 32)}} %f<4>;
        {{(Plain is "shared" or "local" ? $".{Plain} .align 16 .b8 tile[{Bytes}];" : "")}}
        ld.param.u64 %rd1, [memory];
        ld.param.u64 %rd2, [offsets];
        ld.param.u64 %rd3, [values];
        mov.u32 %r1, %ctaid.x;
        mov.u32 %r2, %ntid.x;
        mov.u32 %r3, %tid.x;
        mad.lo.u32 %r4, %r1, %r2, %r3;
        mul.wide.u32 %rd4, %r4, 4;
        add.u64 %rd4, %rd4, %rd2;
        ld.global.u32 %r5, [%rd4];
        setp.eq.u32 %p1, %r5, -1;
        mul.wide.u32 %rd5, %r4, {{Count * 8}};
        add.u64 %rd5, %rd5, %rd3;
        {{(Plain == "global" ? "mov.u64 %rd6, %rd1;" : Plain == "const" ? "mov.u64 %rd6, table;" : "mov.u64 %rd6, tile;")}}
        cvt.u64.u32 %rd7, %r5;
        add.u64 %rd8, %rd6, %rd7;
        {{(IsGeneric && Plain != "global" ? $"cvta.{Plain}.u64 %rd8, %rd8;" : "")}}
        """;

    /// <summary>Copies the tile from or to global memory, a block's threads together (shared) or each thread its own (local).</summary>
    string CopyTile(bool isIn)
    {
        if (Plain is not ("shared" or "local"))
            return "";
        string label = isIn ? "IN" : "OUT", tile = "add.u64 %rd10, %rd6, %rd9;";
        string memory = $"mul.wide.u32 %rd12, {(Plain == "shared" ? "%r1" : "%r4")}, {Bytes};\nadd.u64 %rd11, %rd1, %rd12;\nadd.u64 %rd11, "
            + $"%rd11, %rd9;";
        string move = isIn
            ? $"ld.global.u32 %r7, [%rd11];\nst.{Plain}.u32 [%rd10], %r7;"
            : $"ld.{Plain}.u32 %r7, [%rd10];\nst.global.u32 [%rd11], %r7;";
        string barrier = Plain == "shared" ? "bar.sync 0;" : "";
        return $"""
            {barrier}
            {(Plain == "shared" ? "shl.b32 %r6, %r3, 2;\nshl.b32 %r8, %r2, 2;" : "mov.u32 %r6, 0;\nmov.u32 %r8, 4;")}
            {label}:
            setp.ge.u32 %p2, %r6, {Bytes};
            @%p2 bra {label}_END;
            cvt.u64.u32 %rd9, %r6;
            {tile}
            {memory}
            {move}
            add.u32 %r6, %r6, %r8;
            bra {label};
            {label}_END:
            {barrier}
            """;
    }

    static string Wrap(string body, string module = "") =>
        $"\n.version 7.8\n.target sm_80\n.address_size 64\n{module}\n.visible .entry k(.param .u64 memory, .param .u64 offsets, .param "
        + $".u64 values)\n{{\n{body}\nret;\n}}\n";

    /// <summary>What every thread's registers hold behind a load, 8 bytes an element of which <see cref="RegisterBits"/> count.</summary>
    public ulong[] Load(byte[] memory, int[] offsets)
    {
        string[] stores = [.. Enumerable.Range(0, Count)
            .Select(e => $"@!%p1 st.global.{(Type[0] == 'f' ? Type : "b" + RegisterBits)} [%rd5+{8 * e}], {Register}{e};")];
        string module = Plain == "const" ? $".const .align 16 .b8 table[{Bytes}] = {{{string.Join(", ", memory)}}};" : "";
        using var device = new Device(
            Wrap($"{Declarations}\n{CopyTile(isIn: true)}\n@!%p1 {Form("ld")} {Registers}, [%rd8];\n{string.Join('\n', stores)}", module));
        ulong values = device.Upload(new ulong[offsets.Length * Count]);
        device.Launch("k", new Extent(Blocks), new Extent(Threads), device.Upload(Copies(memory)), device.Upload(offsets), values);
        return device.Download<ulong>(values, offsets.Length * Count);
    }

    /// <summary>What the memory holds when every thread has stored its values: of each block for shared, of each thread for local
    /// memory.</summary>
    public byte[] Store(byte[] memory, int[] offsets, ulong[] values)
    {
        string[] loads = [.. Enumerable.Range(0, Count)
            .Select(e => $"ld.global.{(Type[0] == 'f' ? Type : "b" + RegisterBits)} {Register}{e}, [%rd5+{8 * e}];")];
        using var device = new Device(
            Wrap($"{Declarations}\n{CopyTile(isIn: true)}\n{string.Join('\n', loads)}\n@!%p1 {Form("st")} [%rd8], "
                + $"{Registers};\n{CopyTile(isIn: false)}"));
        byte[] copies = Copies(memory);
        ulong target = device.Upload(copies);
        device.Launch("k", new Extent(Blocks), new Extent(Threads), target, device.Upload(offsets), device.Upload(values));
        return device.Download<byte>(target, copies.Length);
    }

    /// <summary>The memory once for every block with shared, for every thread with local memory.</summary>
    public byte[] Copies(byte[] memory) =>
        [.. Enumerable.Repeat(memory, Plain == "shared" ? Blocks : Plain == "local" ? Blocks * Threads : 1).SelectMany(m => m)];

    /// <summary>The element at an offset as a register holds it.</summary>
    public ulong Element(byte[] memory, int offset)
    {
        ulong value = 0;
        for (int b = 0; b < ElementBytes; b++)
            value |= (ulong)memory[offset + b] << (8 * b);
        int unused = 64 - (8 * ElementBytes);
        if (Type[0] == 's')
            value = (ulong)((long)(value << unused) >> unused);
        return value & Mask(RegisterBits);
    }

    public void Put(Span<byte> memory, int offset, ulong value)
    {
        for (int b = 0; b < ElementBytes; b++)
            memory[offset + b] = (byte)(value >> (8 * b));
    }

    public static ulong Mask(int bits) => bits == 64 ? ulong.MaxValue : (1ul << bits) - 1;

    public override string ToString() => $"{Space}{Hints}.v{Count}.{Type} b{RegisterBits}";
}
