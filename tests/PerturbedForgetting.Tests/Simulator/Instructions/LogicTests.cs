using System.Numerics;

namespace PerturbedForgetting.Tests.Simulator.Instructions;

/// <summary>Logic, shifts and bit fields against the PTX ISA's definitions, bit by bit.</summary>
public class LogicTests
{
    static bool Bit<T>(T value, int at) where T : IBinaryInteger<T> => (value >> at & T.One) != T.Zero;

    /// <summary>The value whose bits a function tells.</summary>
    static T Made<T>(int width, Func<int, bool> bit) where T : IBinaryInteger<T>
    {
        T value = T.Zero;
        for (int i = 0; i < width; i++)
            value |= bit(i) ? T.One << i : T.Zero;
        return value;
    }

    static void Bitwise<T>(int width) where T : unmanaged, IBinaryInteger<T>
    {
        Check.Two<T, T, T>($"and.b{width}", (a, b) => Made<T>(width, i => Bit(a, i) && Bit(b, i)));
        Check.Two<T, T, T>($"or.b{width}", (a, b) => Made<T>(width, i => Bit(a, i) || Bit(b, i)));
        Check.Two<T, T, T>($"xor.b{width}", (a, b) => Made<T>(width, i => Bit(a, i) != Bit(b, i)));
        Check.One<T, T>($"not.b{width}", a => Made<T>(width, i => !Bit(a, i)));
    }

    [Test]
    public void BitwiseOperations()
    {
        Bitwise<ushort>(16);
        Bitwise<uint>(32);
        Bitwise<ulong>(64);
        Check.Two<bool, bool, bool>("and.pred", (a, b) => a && b);
        Check.Two<bool, bool, bool>("or.pred", (a, b) => a || b);
        Check.Two<bool, bool, bool>("xor.pred", (a, b) => a != b);
        Check.One<bool, bool>("not.pred", a => !a);
    }

    /// <summary>Amounts beyond the width count as the width.</summary>
    static void Shifts<TUnsigned, TSigned>(int width) where TUnsigned : unmanaged, IBinaryInteger<TUnsigned> where TSigned : unmanaged,
        IBinaryInteger<TSigned>
    {
        Check.Two<TUnsigned, TUnsigned, uint>($"shl.b{width}", (a, b) => Made<TUnsigned>(width, i => i >= b && Bit(a, i - (int)b)));
        foreach (string type in (string[])["b", "u"])
            Check.Two<TUnsigned, TUnsigned,
                uint>($"shr.{type}{width}", (a, b) => Made<TUnsigned>(width, i => i + (long)b < width && Bit(a, i + (int)b)));
        Check.Two<TSigned, TSigned,
            uint>($"shr.s{width}", (a, b) => Made<TSigned>(width, i => Bit(a, (int)Math.Min(i + (long)b, width - 1))));
    }

    [Test]
    public void Shifts()
    {
        Shifts<ushort, short>(16);
        Shifts<uint, int>(32);
        Shifts<ulong, long>(64);
        Check.One<uint, uint>("shl.b32 %d, %s0, 5", a => a << 5);
        Check.One<uint, uint>("shl.b32 %d, %s0, 32", _ => 0);
        Check.One<int, int>("shr.s32 %d, %s0, 100", a => a < 0 ? -1 : 0);
    }

    [Test]
    public void FunnelShifts()
    {
        static ulong Joined(uint a, uint b) => ((ulong)b << 32) | a;
        Check.Three<uint, uint, uint, uint>("shf.l.wrap.b32", (a, b, c) => (uint)(Joined(a, b) << (int)(c & 31) >> 32));
        Check.Three<uint, uint, uint, uint>("shf.l.clamp.b32", (a, b, c) => (uint)(Joined(a, b) << (int)Math.Min(c, 32) >> 32));
        Check.Three<uint, uint, uint, uint>("shf.r.wrap.b32", (a, b, c) => (uint)(Joined(a, b) >> (int)(c & 31)));
        Check.Three<uint, uint, uint, uint>("shf.r.clamp.b32", (a, b, c) => (uint)(Joined(a, b) >> (int)Math.Min(c, 32)));
    }

    [Test]
    public void CountsAndPlaces()
    {
        Check.One<uint, uint>("popc.b32", a => (uint)Enumerable.Range(0, 32).Count(i => Bit(a, i)));
        Check.One<uint, ulong>("popc.b64", a => (uint)Enumerable.Range(0, 64).Count(i => Bit(a, i)));
        Check.One<uint, uint>("clz.b32", a => (uint)Enumerable.Range(0, 32).TakeWhile(i => !Bit(a, 31 - i)).Count());
        Check.One<uint, ulong>("clz.b64", a => (uint)Enumerable.Range(0, 64).TakeWhile(i => !Bit(a, 63 - i)).Count());
        Check.One<uint, uint>("brev.b32", a => Made<uint>(32, i => Bit(a, 31 - i)));
        Check.One<ulong, ulong>("brev.b64", a => Made<ulong>(64, i => Bit(a, 63 - i)));
        Highest<uint>("u32", 32, false);
        Highest<int>("s32", 32, true);
        Highest<ulong>("u64", 64, false);
        Highest<long>("s64", 64, true);
    }

    /// <summary>The highest bit that is one, or of a negative number zero; all ones when there is none.</summary>
    static void Highest<T>(string type, int width, bool isSigned) where T : unmanaged, IBinaryInteger<T>
    {
        uint Place(T a)
        {
            bool wanted = !(isSigned && Bit(a, width - 1));
            for (int i = width - 1; i >= 0; i--)
            {
                if (Bit(a, i) == wanted)
                    return (uint)i;
            }
            return uint.MaxValue;
        }
        Check.One<uint, T>($"bfind.{type}", Place);
        Check.One<uint, T>($"bfind.shiftamt.{type}", a => Place(a) == uint.MaxValue ? uint.MaxValue : (uint)(width - 1) - Place(a));
    }

    static void Fields<T>(string type, int width, bool isSigned) where T : unmanaged, IBinaryInteger<T>
    {
        Check.Three<T, T, uint, uint>($"bfe.{type}", (a, b, c) =>
        {
            int position = (int)(b & 255), length = (int)(c & 255);
            bool sign = isSigned && length > 0 && Bit(a, Math.Min(position + length - 1, width - 1));
            return Made<T>(width, i => i < length && position + i < width ? Bit(a, position + i) : sign);
        });
        Check.Four<T, T, T, uint, uint>($"bfi.b{width}", (a, b, c, d) =>
        {
            int position = (int)(c & 255), length = (int)(d & 255);
            return Made<T>(width, i => i >= position && i < position + length ? Bit(a, i - position) : Bit(b, i));
        });
    }

    [Test]
    public void BitFields()
    {
        Fields<uint>("u32", 32, false);
        Fields<int>("s32", 32, true);
        Fields<ulong>("u64", 64, false);
        Fields<long>("s64", 64, true);
    }

    [Test]
    public void AnyLogicOfThree()
    {
        for (int table = 0; table < 256; table += Random.Shared.Next(1, 12))
        {
            int t = table;
            Check.Three<uint, uint, uint, uint>($"lop3.b32 %d, %s0, %s1, %s2, {t}",
                (a, b, c) => Made<uint>(32, i => (t >> ((Bit(a, i) ? 4 : 0) + (Bit(b, i) ? 2 : 0) + (Bit(c, i) ? 1 : 0)) & 1) != 0));
        }
    }

    /// <summary>Byte k of the result is picked from the eight bytes of a and b by the nibbles of c.</summary>
    [Test]
    public void BytePermutations()
    {
        static byte Byte(uint a, uint b, long at) => (byte)((at & 7) < 4 ? a >> (int)(8 * (at & 7)) : b >> (int)(8 * ((at & 7) - 4)));
        Check.Three<uint, uint, uint, uint>("prmt.b32", (a, b, c) => (uint)Enumerable.Range(0, 4).Sum(k =>
        {
            byte picked = Byte(a, b, c >> (4 * k));
            return (long)((c >> (4 * k) & 8) == 0 ? picked : picked > 127 ? 255 : 0) << (8 * k);
        }));
    }
}
