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
