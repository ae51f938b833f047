using PerturbedForgetting.Tensors.Distributed;

namespace PerturbedForgetting.Tests.Tensors.Distributed;

/// <summary>Rounding to bfloat16.</summary>
sealed class BFloat16Tests
{
    [Test]
    public void EveryValueIsItself()
    {
        ushort[] all = [.. Enumerable.Range(0, 1 << 16).Select(bits => (ushort)bits)];
        float[] wide = new float[all.Length];
        ushort[] again = new ushort[all.Length];
        BFloat16.Widen(all, wide);
        BFloat16.Round(wide, again);
        for (int i = 0; i < all.Length; i++)
        {
            Assert.That(BitConverter.SingleToUInt32Bits(wide[i]), Is.EqualTo((uint)i << 16));
            // A NaN becomes a quiet one.
            Assert.That(again[i], Is.EqualTo(float.IsNaN(wide[i]) ? all[i] | 0x40 : all[i]));
        }
    }

    /// <summary>Of the two neighbours of a value the nearer one, of two that are as near the even one.</summary>
    [Test]
    public void TheNearestIsTaken([Values(1, 15, 16, 17, 1000)] int count)
    {
        Random random = new(count);
        float[] values = new float[count];
        for (int i = 0; i < count; i++)
        {
            uint bits = (uint)random.NextInt64(1L << 32);
            // Ties, values beside them, and any.
            bits = (i % 4) switch
            {
                0 => (bits & 0xffff0000) | 0x8000,
                1 => (bits & 0xffff0000) | 0x8001,
                2 => (bits & 0xffff0000) | 0x7fff,
                _ => bits,
            };
            values[i] = BitConverter.UInt32BitsToSingle((bits & 0x7f800000) == 0x7f800000 ? bits & 0x807fffff : bits);
        }
        ushort[] rounded = new ushort[count];
        BFloat16.Round(values, rounded);
        for (int i = 0; i < count; i++)
        {
            uint below = BitConverter.SingleToUInt32Bits(values[i]) >> 16;
            double low = Value(below), high = Value(below + 1), value = Math.Abs(values[i]);
            uint expected = value - low < high - value || (value - low == high - value && below % 2 == 0) ? below : below + 1;
            Assert.That(rounded[i], Is.EqualTo(expected), $"{values[i]:R}");
        }

        // The step beyond the largest finite value leads to infinity, whose place among the numbers is twice the power before.
        static double Value(uint bits) => (bits & 0x7fff) == 0x7f80 ? Math.ScaleB(1, 128)
            : Math.Abs((double)BitConverter.UInt32BitsToSingle(bits << 16));
    }

    [Test]
    public void SumsAreThoseOfFloats()
    {
        ushort[] values = [.. Enumerable.Range(0, 37).Select(i => (ushort)(0x3f80 + i))];
        float[] sums = [.. Enumerable.Range(0, 37).Select(i => i / 7f)], wide = new float[37];
        BFloat16.Widen(values, wide);
        float[] expected = [.. sums.Zip(wide, (a, b) => a + b)];
        BFloat16.Add(values, sums);
        Assert.That(sums, Is.EqualTo(expected));
    }
}
