using PerturbedForgetting.Vision.Imaging.Jpeg;

namespace PerturbedForgetting.Tests.Vision;

public class JpegPartsTests
{
    /// <summary>Many pixels at a time give what one at a time gives, over all of the cube of samples' faces and inside.</summary>
    [Test]
    public void ColourConversionIsTheSameForAnyWidth()
    {
        const int width = 4096 + 7;
        var random = new Random(1);
        byte[][] planes = [new byte[width], new byte[width], new byte[width]];
        foreach (byte[] plane in planes)
        {
            random.NextBytes(plane);
            for (int i = 0; i < width; i += 5)
                plane[i] = random.Next(2) == 0 ? (byte)0 : (byte)255;
        }
        byte[] whole = new byte[width * 3], pixel = new byte[3];
        JpegColor.FromYcc(planes[0], planes[1], planes[2], whole);
        for (int x = 0; x < width; x++)
        {
            JpegColor.FromYcc(planes[0].AsSpan(x, 1), planes[1].AsSpan(x, 1), planes[2].AsSpan(x, 1), pixel);
            Assert.That(whole.AsSpan(x * 3, 3).SequenceEqual(pixel), $"pixel {x}");
        }
    }

    /// <summary>Against the definition in double: T.81, A.3.3.</summary>
    [Test]
    public void InverseTransformIsAccurate()
    {
        var random = new Random(2);
        Span<byte> samples = stackalloc byte[8 * 11];
        for (int trial = 0; trial < 300; trial++)
        {
            var block = new short[64];
            var quant = new short[64];
            for (int i = 0; i < 64; i++)
                (block[i], quant[i]) = (random.Next(1 + trial % 8) == 0 ? (short)random.Next(-30, 31) : (short)0, (short)random.Next(1, 8));
            InverseDct.Transform(block, quant, samples, 11);
            for (int y = 0; y < 8; y++)
            {
                for (int x = 0; x < 8; x++)
                    Assert.That(samples[y * 11 + x], Is.EqualTo(Math.Clamp(Sample(block, quant, x, y), 0, 255)).Within(0.6),
                        $"trial {trial} at {x}, {y}");
            }
        }
    }

    [Test]
    public void ABlockOfOneCoefficientIsFlat([Range(-1100, 1100, 37)] int value)
    {
        var block = new short[64];
        var quant = new short[64];
        (block[0], quant[0]) = ((short)value, 1);
        byte[] whole = new byte[64], flat = new byte[64];
        InverseDct.Transform(block, quant, whole, 8);
        InverseDct.TransformDc(value, flat, 8);
        Assert.That(flat, Is.EqualTo(whole));
    }

    [Test]
    public void ImpossibleCodesAreRefused()
    {
        // One bit has two codes, and that of ones only is kept free.
        Assert.That(Enumerable.Range(1, 3).Select(IsCode), Is.EqualTo(new[] { true, false, false }));

        static bool IsCode(int codesOfOneBit)
        {
            var table = new HuffmanTable();
            table.Build([(byte)codesOfOneBit, .. new byte[15]], new byte[codesOfOneBit]);
            return table.IsCode;
        }
    }

    /// <summary>Blocks of any coefficients, by codes of any lengths: what is decoded is what was encoded, also where blocks before were
    /// passed over, and the reader ends behind the last one, before the marker.</summary>
    [Test]
    public void CodesOfAnyLengthAreDecodedAndPassedOver([Values(1, 2, 3, 4)] int seed)
    {
        var random = new Random(seed);
        byte[] lengths = [0, 0, 0, 2, 2, 3, 3, 8, 8, 16, 16, 16, 16, 24, 24, 24];
        byte[] symbols = [0x00, 0xF0, .. Enumerable.Range(0, 256).Where(s => (s & 15) is > 0 and < 11).Select(s => (byte)s)];
        random.Shuffle(symbols);
        symbols = [.. symbols.OrderByDescending(s => s is 0x00 or 0xF0 || (s >> 4) < random.Next(4))];
        HuffmanTable dc = new(), ac = new();
        dc.Build([0, 0, 0, 0, 12, .. new byte[11]], [.. Enumerable.Range(0, 12).Select(i => (byte)i)]);
        ac.Build(lengths, symbols);
        Assert.That(dc.IsCode && ac.IsCode && symbols.Length == lengths.Sum(l => l));
        short[][] blocks = [.. Enumerable.Range(0, 400).Select(i => Block(random, i % 7))];
        var writer = new CodeWriter();
        int prediction = 0;
        foreach (short[] block in blocks)
        {
            writer.Write(dc, CodeWriter.SizeOf(block[0] - prediction), block[0] - prediction);
            prediction = block[0];
            writer.WriteBlock(ac, block);
        }
        byte[] data = [.. writer.End(), 0xFF, 0xD9], window = new byte[EntropyReader.WindowBytes];
        foreach (int every in (int[])[1, 2, 5])
        {
            var component = new JpegComponent();
            var reader = new EntropyReader(data, 0, window);
            for (int i = 0; i < blocks.Length; i++)
            {
                short[] found = new short[64];
                reader.Prepare();
                if (i % every != 0)
                    EntropyDecoder.Skip(ref reader, dc, ac, component);
                else if (!EntropyDecoder.Sequential(ref reader, found, dc, ac, component))
                    Assert.That(blocks[i].Skip(1), Is.All.Zero);
                if (i % every == 0)
                    Assert.That(found, Is.EqualTo(blocks[i]), $"block {i} of every {every}");
                if (i == blocks.Length / 2)
                    Assert.That(reader.Position, Is.LessThan(data.Length - 2));
            }
            Assert.That((reader.Position, reader.Overread, reader.MetBadCode), Is.EqualTo((data.Length - 2, false, false)));
        }
    }

    static short[] Block(Random random, int kind)
    {
        var block = new short[64];
        block[0] = (short)random.Next(-1000, 1001);
        for (int k = 1; k < 64; k++)
        {
            bool coded = kind switch { 0 => false, 1 => true, 2 => k == 63, _ => random.Next(kind * kind) == 0 };
            int size = random.Next(1, random.Next(2, 11));
            if (coded)
                block[EntropyDecoder.Natural[k]] = (short)(random.Next(1 << (size - 1), 1 << size) * (random.Next(2) * 2 - 1));
        }
        return block;
    }

    static double Sample(short[] block, short[] quant, int x, int y)
    {
        double sum = 0;
        for (int v = 0; v < 8; v++)
        {
            for (int u = 0; u < 8; u++)
            {
                double scale = (u == 0 ? Math.Sqrt(0.5) : 1) * (v == 0 ? Math.Sqrt(0.5) : 1) / 4;
                sum += scale * block[v * 8 + u] * quant[v * 8 + u] * Math.Cos((2 * x + 1) * u * Math.PI / 16) * Math
                    .Cos((2 * y + 1) * v * Math.PI / 16);
            }
        }
        return sum + 128;
    }
}
