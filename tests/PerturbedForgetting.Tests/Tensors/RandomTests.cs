using System.Runtime.Intrinsics;
using PerturbedForgetting.Tensors.Random;

namespace PerturbedForgetting.Tests.Tensors;

/// <summary>Numbers that are drawn many at once are, in every bit, those that are drawn one by one.</summary>
[TestFixture]
sealed class RandomTests
{
    static readonly ulong[] Numbers = [0, 1, 0xffff_fff9, 0x0123456789abcdef, ulong.MaxValue - 9];

    [Test]
    public void WordsOfEveryVectorWidthAreThoseOfTheirBlocks([ValueSource(nameof(Numbers))] ulong seed,
        [ValueSource(nameof(Numbers))] ulong block)
    {
        Philox philox = new(seed, ~seed);
        foreach (int length in (int[])[0, 1, 3, 4, 5, 31, 32, 33, 127, 128, 129, 300])
        {
            uint[] expected = new uint[length];
            for (int i = 0; i < length; i++)
            {
                var (x, y, z, w) = philox.Block(block + ((ulong)i >> 2));
                expected[i] = (i & 3) switch { 0 => x, 1 => y, 2 => z, _ => w };
            }
            Assert.That(Words(words => philox.Words(block, words)), Is.EqualTo(expected));
            if (PhiloxLanes128.IsSupported)
                Assert.That(Words(words => PhiloxWords.Fill<PhiloxLanes128, Vector128<ulong>>(philox, block, words)), Is.EqualTo(expected));
            if (PhiloxLanes256.IsSupported)
                Assert.That(Words(words => PhiloxWords.Fill<PhiloxLanes256, Vector256<ulong>>(philox, block, words)), Is.EqualTo(expected));

            uint[] Words(FillWords fill)
            {
                // One more on either side shows what is written outside.
                uint[] words = [.. Enumerable.Repeat(7u, length + 2)];
                fill(words.AsSpan(1, length));
                Assert.That((words[0], words[^1]), Is.EqualTo((7u, 7u)));
                return words[1..^1];
            }
        }
    }

    [Test]
    public void NormalsHaveTheBitsOfTheScalarForm([Values(1, 2, 7, 8, 255, 257, 1023, 1025, 300_000)] int length)
    {
        Philox philox = new((ulong)length, Streams.Perturbation);
        float[] actual = new float[length];
        philox.Normals(4, actual);
        for (int i = 0; i < length; i++)
        {
            float expected = philox.Normal((ulong)i + 4);
            if (BitConverter.SingleToInt32Bits(actual[i]) != BitConverter.SingleToInt32Bits(expected))
                Assert.Fail($"number {i}: {actual[i]:R}, not {expected:R}");
        }
    }

    /// <summary>The ends of both uniforms and the eighths of a turn, where the last bits of the angle decide.</summary>
    [Test]
    public void NormalsOfWordsAtTheEdgesHaveTheBitsOfTheScalarForm()
    {
        uint[] radii = [0, 255, 256, 511, 0x7fffffff, 0xb504f300, 0xfffffdff, 0xfffffeff, 0xffffff00, uint.MaxValue];
        uint[] turns = [.. Enumerable.Range(0, 8).SelectMany(i => Enumerable.Range(-3, 7).Select(k => ((uint)i << 29) + (uint)k))];
        uint[] words = [.. radii.SelectMany(r => turns.SelectMany(t => (uint[])[r, t]))];
        float[] actual = new float[words.Length];
        NormalPairs.Fill(words, actual);
        for (int i = 0; i < words.Length; i += 2)
        {
            var (x, y) = Philox.Normals(words[i], words[i + 1]);
            Assert.That(Array.ConvertAll([actual[i], actual[i + 1]], BitConverter.SingleToInt32Bits),
                Is.EqualTo(Array.ConvertAll([x, y], BitConverter.SingleToInt32Bits)), $"{words[i]:x} {words[i + 1]:x}");
        }
    }

    delegate void FillWords(Span<uint> words);
}
