using System.Numerics;

namespace PerturbedForgetting.Tests.Simulator.Instructions;

/// <summary>Integer arithmetic against the PTX ISA's definitions, stated over integers of any size.</summary>
public class IntegerTests
{
    /// <summary>The statements for one type: a result of any size is cut to it.</summary>
    sealed class Type<T>(string name) where T : unmanaged, IBinaryInteger<T>, IMinMaxValue<T>
    {
        static readonly int width = Operands.Register<T>() switch { "b16" => 16, "b32" => 32, _ => 64 };

        static T Cut(BigInteger value) => T.CreateTruncating(value);

        /// <summary>The bits as a number without sign.</summary>
        static BigInteger Word(T value) => Big(value) & ((BigInteger.One << width) - 1);

        static BigInteger Big(T value) => BigInteger.CreateChecked(value);

        public void Arithmetic()
        {
            Check.Two<T, T, T>($"add.{name}", (a, b) => Cut(Big(a) + Big(b)));
            Check.Two<T, T, T>($"sub.{name}", (a, b) => Cut(Big(a) - Big(b)));
            Check.Two<T, T, T>($"mul.lo.{name}", (a, b) => Cut(Big(a) * Big(b)));
            Check.Two<T, T, T>($"mul.hi.{name}", (a, b) => Cut((Big(a) * Big(b)) >> width));
            Check.Three<T, T, T, T>($"mad.lo.{name}", (a, b, c) => Cut((Big(a) * Big(b)) + Big(c)));
            Check.Three<T, T, T, T>($"mad.hi.{name}", (a, b, c) => Cut(((Big(a) * Big(b)) >> width) + Big(c)));
            Check.Two<T, T, T>($"min.{name}", (a, b) => a < b ? a : b);
            Check.Two<T, T, T>($"max.{name}", (a, b) => a > b ? a : b);
            Check.Three<T, T, T, T>($"sad.{name}", (a, b, c) => Cut(Big(c) + BigInteger.Abs(Big(a) - Big(b))));
        }

        /// <summary>By zero the ISA leaves the result open; devices give all ones, and the dividend as the remainder.</summary>
        public void Division()
        {
            Check.Two<T, T, T>($"div.{name}", (a, b) => T.IsZero(b) ? T.AllBitsSet : Cut(BigInteger.Divide(Big(a), Big(b))));
            Check.Two<T, T, T>($"rem.{name}", (a, b) => T.IsZero(b) ? a : Cut(BigInteger.Remainder(Big(a), Big(b))));
        }

        public void Sign()
        {
            Check.One<T, T>($"neg.{name}", a => Cut(-Big(a)));
            Check.One<T, T>($"abs.{name}", a => Cut(BigInteger.Abs(Big(a))));
        }

        public void Wide<TWide>() where TWide : unmanaged, IBinaryInteger<TWide>
        {
            Check.Two<TWide, T, T>($"mul.wide.{name}", (a, b) => TWide.CreateTruncating(Big(a) * Big(b)));
            Check.Three<TWide, T, T,
                TWide>($"mad.wide.{name}", (a, b, c) => TWide.CreateTruncating((Big(a) * Big(b)) + BigInteger.CreateChecked(c)));
        }

        /// <summary>Sums with the carry of the row before: the flag is set by .cc and read by addc, subc and madc.</summary>
        public void Carry()
        {
            // Three words: what the middle one carries depends on what it received.
            Check.Two<T, T, T>($"add.cc.{name} %d, %s0, %s1; addc.cc.{name} %d, %s0, %s1; addc.{name} %d, 0, 0", (a, b) =>
                Cut((Word(a) + Word(b) + ((Word(a) + Word(b)) >> width)) >> width));
            Check.Two<T, T, T>($"sub.cc.{name} %d, %s0, %s1; subc.cc.{name} %d, %s0, %s1; subc.{name} %d, 0, 0", (a, b) =>
                Word(a) - Word(b) - (Word(a) < Word(b) ? 1 : 0) < 0 ? Cut(-1) : T.Zero);
            foreach (string first in (string[])["add.cc", "sub.cc", "mad.lo.cc", "mad.hi.cc"])
            {
                foreach (string second in (string[])["addc", "addc.cc", "subc", "subc.cc", "madc.lo", "madc.hi", "madc.hi.cc"])
                {
                    string extra = first.StartsWith("mad") ? ", %s2" : "", more = second.StartsWith("madc") ? ", %s2" : "";
                    BigInteger range = BigInteger.One << width;
                    Check.Three<T, T, T, T>($"{first}.{name} %d, %s0, %s1{extra}; {second}.{name} %d, %s1, %s0{more}", (a, b, c) =>
                    {
                        BigInteger x = Word(a), y = Word(b), z = Word(c), product = Big(a) * Big(b);
                        BigInteger low = Mod(product), high = Mod(product >> width);
                        bool carry = first switch
                        {
                            "add.cc" => x + y >= range,
                            "sub.cc" => x - y < 0,
                            "mad.lo.cc" => low + z >= range,
                            _ => high + z >= range,
                        };
                        BigInteger one = carry ? 1 : 0;
                        return Cut(second switch
                        {
                            "addc" or "addc.cc" => y + x + one,
                            "subc" or "subc.cc" => y - (x + one),
                            "madc.lo" => low + z + one,
                            _ => high + z + one,
                        });
                    });

                    BigInteger Mod(BigInteger value) => value & (range - 1);
                }
            }
        }
    }

    [Test]
    public void Arithmetic()
    {
        new Type<ushort>("u16").Arithmetic();
        new Type<short>("s16").Arithmetic();
        new Type<uint>("u32").Arithmetic();
        new Type<int>("s32").Arithmetic();
        new Type<ulong>("u64").Arithmetic();
        new Type<long>("s64").Arithmetic();
    }

    [Test]
    public void DivisionAndRemainder()
    {
        new Type<ushort>("u16").Division();
        new Type<short>("s16").Division();
        new Type<uint>("u32").Division();
        new Type<int>("s32").Division();
        new Type<ulong>("u64").Division();
        new Type<long>("s64").Division();
    }

    [Test]
    public void SignAndMagnitude()
    {
        new Type<short>("s16").Sign();
        new Type<int>("s32").Sign();
        new Type<long>("s64").Sign();
    }

    [Test]
    public void WideProducts()
    {
        new Type<ushort>("u16").Wide<uint>();
        new Type<short>("s16").Wide<int>();
        new Type<uint>("u32").Wide<ulong>();
        new Type<int>("s32").Wide<long>();
    }

    [Test]
    public void CarryBetweenInstructions()
    {
        new Type<uint>("u32").Carry();
        new Type<int>("s32").Carry();
        new Type<ulong>("u64").Carry();
        new Type<long>("s64").Carry();
    }

    /// <summary>Products of the low 24 bits: 48 bits, of which the low 32.</summary>
    [Test]
    public void ProductsOf24Bits()
    {
        static long S(int a) => a << 8 >> 8;
        static ulong U(uint a) => a & 0xff_ffff;
        Check.Two<uint, uint, uint>("mul24.lo.u32", (a, b) => (uint)(U(a) * U(b)));
        Check.Two<int, int, int>("mul24.lo.s32", (a, b) => (int)(S(a) * S(b)));
    }

    [Test]
    public void DotProductsOfBytes()
    {
        Check.Three<uint, uint, uint, uint>("dp4a.u32.u32", (a, b, c) => (uint)Dot(a, b, c, false, false, 4, 0));
        Check.Three<uint, uint, uint, uint>("dp4a.u32.s32", (a, b, c) => (uint)Dot(a, b, c, false, true, 4, 0));
        Check.Three<uint, uint, uint, uint>("dp4a.s32.u32", (a, b, c) => (uint)Dot(a, b, c, true, false, 4, 0));
        Check.Three<uint, uint, uint, uint>("dp4a.s32.s32", (a, b, c) => (uint)Dot(a, b, c, true, true, 4, 0));
        Check.Three<uint, uint, uint, uint>("dp2a.lo.u32.u32", (a, b, c) => (uint)Dot(a, b, c, false, false, 2, 0));
        Check.Three<uint, uint, uint, uint>("dp2a.hi.u32.s32", (a, b, c) => (uint)Dot(a, b, c, false, true, 2, 2));
        Check.Three<uint, uint, uint, uint>("dp2a.lo.s32.u32", (a, b, c) => (uint)Dot(a, b, c, true, false, 2, 0));
        Check.Three<uint, uint, uint, uint>("dp2a.hi.s32.s32", (a, b, c) => (uint)Dot(a, b, c, true, true, 2, 2));
    }

    /// <summary>c + Σ a[i]·b[from + i], where a has that many parts and b has bytes.</summary>
    static long Dot(uint a, uint b, uint c, bool isSignedA, bool isSignedB, int parts, int from)
    {
        long sum = c;
        int bits = 32 / parts;
        for (int p = 0; p < parts; p++)
        {
            long x = a >> (bits * p) & ((1L << bits) - 1), y = b >> (8 * (from + p)) & 255;
            sum += (isSignedA && x >> (bits - 1) != 0 ? x - (1L << bits) : x) * (isSignedB && y > 127 ? y - 256 : y);
        }
        return sum;
    }
}
