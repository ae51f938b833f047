using System.Runtime.CompilerServices;

namespace PerturbedForgetting.Tests.Simulator.Instructions;

/// <summary>A bfloat16 by its bits.</summary>
readonly record struct Brain(ushort Bits)
{
    public float Value => BitConverter.UInt32BitsToSingle((uint)Bits << 16);
}

/// <summary>Operands of instructions as C# types: their bits, registers and values worth trying.</summary>
static class Operands
{
    static readonly ulong[] singles =
    [
        0, 0x8000_0000, 1, 0x8000_0001, 0x007f_ffff, 0x807f_ffff, 0x0080_0000, 0x8080_0000, 0x3f80_0000, 0xbf80_0000, 0x3f00_0000,
            0x3f80_0001, 0x3f7f_ffff,
        0x7f7f_ffff, 0xff7f_ffff, 0x7f80_0000, 0xff80_0000, 0x7fc0_0000, 0xffc0_1234, 0x7f80_0001, 0x4f00_0000, 0xcf00_0000, 0x4b80_0000,
        0x3fc0_0000, 0x4020_0000, 0xc020_0000,
    ];

    static readonly ulong[] doubles =
    [
        0, 1ul << 63, 1, (1ul << 63) | 1, 0x000f_ffff_ffff_ffff, 0x0010_0000_0000_0000, 0x8010_0000_0000_0000, 0x3ff0_0000_0000_0000,
            0xbff0_0000_0000_0000,
        0x3fe0_0000_0000_0000, 0x3ff0_0000_0000_0001, 0x7fef_ffff_ffff_ffff, 0xffef_ffff_ffff_ffff, 0x7ff0_0000_0000_0000,
        0xfff0_0000_0000_0000,
        0x7ff8_0000_0000_0000, 0xfff8_0000_0000_1234, 0x41e0_0000_0000_0000, 0xc1e0_0000_0000_0000, 0x43e0_0000_0000_0000,
        0x43f0_0000_0000_0000,
        0x3690_0000_0000_0000, 0x36a0_0000_0000_0000, 0x380f_ffff_ffff_ffff, 0x47ef_ffff_e000_0000, 0x47ef_ffff_f000_0000,
        0x4004_0000_0000_0000, 0xc004_0000_0000_0000,
    ];

    static readonly ulong[] halves =
        [0, 0x8000, 1, 0x8001, 0x03ff, 0x0400, 0x8400, 0x3c00, 0xbc00, 0x3800, 0x3c01, 0x3bff, 0x7bff, 0xfbff, 0x7c00, 0xfc00, 0x7e00,
            0xfe01, 0x6400, 0x4100, 0xc100];

    static readonly ulong[] brains =
        [0, 0x8000, 1, 0x8001, 0x007f, 0x0080, 0x8080, 0x3f80, 0xbf80, 0x3f00, 0x3f81, 0x3f7f, 0x7f7f, 0xff7f, 0x7f80, 0xff80, 0x7fc0,
            0xffc1, 0x4f00, 0x4020, 0xc020];

    /// <summary>Register that holds the type.</summary>
    public static string Register<T>() where T : unmanaged =>
        typeof(T) == typeof(bool) ? "pred" : Unsafe.SizeOf<T>() switch { <= 2 => "b16", 4 => "b32", _ => "b64" };

    public static ulong Bits<T>(T value) where T : unmanaged
    {
        ulong bits = 0;
        Unsafe.WriteUnaligned(ref Unsafe.As<ulong, byte>(ref bits), value);
        return bits;
    }

    public static T From<T>(ulong bits) where T : unmanaged =>
        typeof(T) == typeof(bool) ? Unsafe.BitCast<bool, byte>(bits != 0) is var b ? Unsafe.ReadUnaligned<T>(ref b) : default
            : Unsafe.ReadUnaligned<T>(ref Unsafe.As<ulong, byte>(ref bits));

    /// <summary>Equal bits, or both NaN where the type has one.</summary>
    public static bool AreSame<T>(ulong a, ulong b) where T : unmanaged => From<T>(a).Equals(From<T>(b)) && From<T>(a) switch
    {
        float x => float.IsNaN(x) || a == b,
        double x => double.IsNaN(x) || a == b,
        Half x => Half.IsNaN(x) || a == b,
        _ => a == b,
    } || (From<T>(a) is Brain p && From<T>(b) is Brain q && float.IsNaN(p.Value) && float.IsNaN(q.Value));

    /// <summary>Extremes and edges of the type.</summary>
    public static ulong[] Specials<T>() where T : unmanaged
    {
        if (typeof(T) == typeof(bool))
            return [0, 1];
        if (typeof(T) == typeof(float))
            return singles;
        if (typeof(T) == typeof(double))
            return doubles;
        if (typeof(T) == typeof(Half))
            return halves;
        if (typeof(T) == typeof(Brain))
            return brains;
        int width = 8 * Unsafe.SizeOf<T>();
        ulong all = width == 64 ? ulong.MaxValue : (1ul << width) - 1, top = 1ul << (width - 1);
        return [0, 1, 2, 3, 7, (ulong)width - 1, (ulong)width, (ulong)width + 1, 24, 255 & all, top - 1, top, top + 1, all, all - 1,
            0x5555_5555_5555_5555 & all, 0xaaaa_aaaa_aaaa_aaaa & all];
    }

    /// <summary>A value that is special, ordinary or any.</summary>
    public static ulong Draw<T>(Random random) where T : unmanaged
    {
        ulong[] specials = Specials<T>();
        double ordinary = Math.ScaleB((random.NextDouble() * 2) - 1, random.Next(-4, 12));
        return (random.Next(4), default(T)) switch
        {
            (0, _) => specials[random.Next(specials.Length)],
            (1 or 2, float) => Bits((float)ordinary),
            (1 or 2, double) => Bits(ordinary),
            (1 or 2, Half) => Bits((Half)ordinary),
            (1 or 2, Brain) => Bits((float)ordinary) >> 16,
            (1, bool) or (2, bool) or (_, bool) => (ulong)random.Next(2),
            (1, _) => (ulong)random.Next(-40, 40) & Bits(From<T>(ulong.MaxValue)),
            _ => (ulong)random.NextInt64(long.MinValue, long.MaxValue) & (ulong.MaxValue >> (64 - (8 * Unsafe.SizeOf<T>()))),
        };
    }
}
