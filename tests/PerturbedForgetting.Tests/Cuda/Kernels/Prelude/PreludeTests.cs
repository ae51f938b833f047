using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors.Random;

namespace PerturbedForgetting.Tests.Cuda.Kernels.Prelude;

/// <summary>Random numbers, bfloat16 and reductions of kernels/include.</summary>
[TestFixtureSource(typeof(KernelDevices))]
sealed class PreludeTests(string device) : PreludeFixture(device)
{
    [Test]
    public void PhiloxEqualsTheCpuBitForBit([Values(0ul, ulong.MaxValue, 0x0123456789abcdeful)] ulong seed,
        [Values(0ul, 1ul, ulong.MaxValue)] ulong stream,
        [Values(0ul, 0xffff_ff00ul, ulong.MaxValue - 5000)] ulong first)
    {
        const int Blocks = 1000;
        DeviceBuffer<uint> words = Poisoned<uint>(4 * Blocks);
        DeviceBuffer<float> uniforms = Poisoned<float>(4 * Blocks), normals = Poisoned<float>(4 * Blocks);
        Kernel("philox").Launch(Stream, 3, 256, 0, words, uniforms, normals, seed, stream, first, (long)Blocks);
        var philox = new Philox(seed, stream);
        var expected = new uint[4 * Blocks];
        for (int i = 0; i < Blocks; i++)
            (expected[4 * i], expected[(4 * i) + 1], expected[(4 * i) + 2], expected[(4 * i) + 3]) = philox.Block(first + (ulong)i);
        Assert.That(Download(words), Is.EqualTo(expected));
        Assert.That(Download(uniforms), Is.EqualTo(Array.ConvertAll(expected, Philox.ToUniform)));
        // Rounded once from float64, in which logarithm, sine and cosine may differ in the last bits.
        float[] actual = Download(normals);
        int different = 0;
        for (int i = 0; i < Blocks; i++)
        {
            (float a, float b) = Philox.Normals(expected[4 * i], expected[(4 * i) + 1]);
            (float c, float d) = Philox.Normals(expected[(4 * i) + 2], expected[(4 * i) + 3]);
            AssertClose(actual.AsSpan(4 * i, 4), [a, b, c, d], relative: 1.2e-7);
            different += (actual[4 * i] != a ? 1 : 0) + (actual[(4 * i) + 1] != b ? 1 : 0) + (actual[(4 * i) + 2] != c ? 1
                : 0) + (actual[(4 * i) + 3] != d ? 1 : 0);
        }
        Assert.That(different, Is.LessThanOrEqualTo(1));
    }

    /// <summary>The known answers of the generator's authors, for 10 rounds.</summary>
    [TestCase(0ul, 0ul, 0ul, new[] { 0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u })]
    [TestCase(ulong.MaxValue, ulong.MaxValue, ulong.MaxValue, new[] { 0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu })]
    [TestCase(0x299f31d0a4093822ul, 0x0370734413198a2eul, 0x85a308d3243f6a88ul,
        new[] { 0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u })]
    public void PhiloxHasTheKnownAnswers(ulong seed, ulong stream, ulong block, uint[] expected)
    {
        DeviceBuffer<uint> words = Poisoned<uint>(4);
        DeviceBuffer<float> rest = Poisoned<float>(4);
        Kernel("philox").Launch(Stream, 1, 32, 0, words, rest, rest, seed, stream, block, 1L);
        Assert.That(Download(words), Is.EqualTo(expected));
    }

    [Test]
    public void Bfloat16IsRoundedToNearestEven()
    {
        // Every upper half with lower halves around the middle between two bfloat16 numbers.
        uint[] low = [0, 1, 0x7fff, 0x8000, 0x8001, 0xffff, (uint)Random.Next(65536)];
        float[] x = [.. Enumerable.Range(0, 65536)
            .SelectMany(high => low.Select(l => BitConverter.UInt32BitsToSingle(((uint)high << 16) | l)))];
        float[] expected = Array.ConvertAll(x, static v =>
        {
            uint bits = BitConverter.SingleToUInt32Bits(v);
            return float.IsNaN(v) ? v : BitConverter.UInt32BitsToSingle((bits + 0x7fff + ((bits >> 16) & 1)) & 0xffff0000);
        });
        AssertClose(Map("bfloat16", x), expected, relative: 0);
        AssertClose(Map("bfloat16x2", x), expected, relative: 0);
    }

    [TestCase(32), TestCase(256), TestCase(1024)]
    public void ReductionsAreTheSameInEveryThread(int threads)
    {
        float[] x = Normal(threads);
        (float[] sum, double[] sumDouble, float[] most) = Reduce(x);
        double exact = x.Sum(static v => (double)v);
        // A tree of five levels and a row of warps.
        Assert.That(sum[0], Is.EqualTo(exact).Within((5 + (threads / 32)) * 6e-8 * x.Sum(static v => Math.Abs((double)v))));
        Assert.That(sumDouble[0], Is.EqualTo(exact).Within(1e-15 * threads));
        Assert.That(most[0], Is.EqualTo(x.Max()));
        AssertClose(sum, [.. Enumerable.Repeat(sum[0], threads)], relative: 0);
        AssertClose(sumDouble, [.. Enumerable.Repeat(sumDouble[0], threads)], relative: 0);
        AssertClose(most, [.. Enumerable.Repeat(most[0], threads)], relative: 0);
        (float[] again, _, _) = Reduce(x);
        AssertClose(again, sum, relative: 0);
    }

    [TestCase(32), TestCase(256), TestCase(1024)]
    public void NoNanIsHidden(int threads)
    {
        float[] x = Normal(threads);
        x[Random.Next(threads)] = float.NaN;
        (float[] sum, double[] sumDouble, float[] most) = Reduce(x);
        Assert.That(sum, Is.All.NaN);
        Assert.That(sumDouble, Is.All.NaN);
        Assert.That(most, Is.All.NaN);
        // All below zero, and one thread with infinity.
        float[] low = Array.ConvertAll(Normal(threads), static v => -1 - Math.Abs(v));
        Assert.That(Reduce(low).Most, Is.All.EqualTo(low.Max()));
        low[Random.Next(threads)] = float.PositiveInfinity;
        Assert.That(Reduce(low).Most, Is.All.EqualTo(float.PositiveInfinity));
    }

    (float[] Sum, double[] SumDouble, float[] Most) Reduce(float[] x)
    {
        DeviceBuffer<float> source = Upload<float>(x), sum = Poisoned<float>(x.Length), most = Poisoned<float>(x.Length);
        DeviceBuffer<double> sumDouble = Poisoned<double>(x.Length);
        Kernel($"reduce_{x.Length}").Launch(Stream, 1, x.Length, 0, sum, sumDouble, most, source);
        return (Download(sum), Download(sumDouble), Download(most));
    }
}
