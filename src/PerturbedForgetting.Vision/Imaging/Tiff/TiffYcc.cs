namespace PerturbedForgetting.Vision.Imaging.Tiff;

/// <summary>YCbCr samples, possibly with chroma for blocks of pixels, to RGB: in libtiff's fixed-point arithmetic, which repeats the
/// chroma of a block instead of interpolating.</summary>
sealed class TiffYcc
{
    const int Shift = 16, Half = 1 << (Shift - 1);

    static readonly float[] usualCoefficients = [0.299f, 0.587f, 0.114f], usualRange = [0, 255, 128, 255, 128, 255];

    readonly int[] luma = new int[256], redOfCr = new int[256], greenOfCr = new int[256], greenOfCb = new int[256],
        blueOfCb = new int[256];

    /// <summary>Takes over what the file says of its colours.</summary>
    public void Read(ReadOnlySpan<byte> file, TiffDirectory directory)
    {
        Span<float> weight = stackalloc float[3], range = stackalloc float[6];
        ReadReals(file, directory, TiffTag.YccCoefficients, usualCoefficients, weight);
        ReadReals(file, directory, TiffTag.ReferenceBlackWhite, usualRange, range);
        if (!(weight[1] > 0))
            throw DecodeErrors.Corrupt("TIFF", "green has no part in its luma");
        float red = 2 - 2 * weight[0], blue = 2 - 2 * weight[2];
        int redFactor = Fixed(red), blueFactor = Fixed(blue);
        int greenCr = -Fixed(weight[0] * red / weight[1]), greenCb = -Fixed(weight[2] * blue / weight[1]);
        for (int i = 0; i < 256; i++)
        {
            int cr = Code(i - 128, range[4] - 128, range[5] - 128, 127), cb = Code(i - 128, range[2] - 128, range[3] - 128, 127);
            redOfCr[i] = redFactor * cr + Half >> Shift;
            blueOfCb[i] = blueFactor * cb + Half >> Shift;
            greenOfCr[i] = greenCr * cr;
            greenOfCb[i] = greenCb * cb + Half;
            luma[i] = Code(i, range[0], range[1], 255);
        }
    }

    /// <summary>A row of blocks, each of which has its luma row by row, then Cb and Cr.</summary>
    /// <param name="stored">The blocks.</param>
    /// <param name="block">Their sides.</param>
    /// <param name="y">The row within them.</param>
    /// <param name="target">Where RGB goes.</param>
    public void Convert(ReadOnlySpan<byte> stored, (int Width, int Height) block, int y, Span<byte> target)
    {
        int area = block.Width * block.Height, x = 0;
        for (int at = 0; at < target.Length; at += 3)
        {
            int light = luma[stored[y * block.Width + x]], cb = stored[area], cr = stored[area + 1];
            target[at] = Clamp(light + redOfCr[cr]);
            target[at + 1] = Clamp(light + (greenOfCb[cb] + greenOfCr[cr] >> Shift));
            target[at + 2] = Clamp(light + blueOfCb[cb]);
            if (++x == block.Width)
            {
                x = 0;
                stored = stored[(area + 2)..];
            }
        }
    }

    static void ReadReals(ReadOnlySpan<byte> file, TiffDirectory directory, TiffTag tag, float[] usual, Span<float> values)
    {
        bool told = directory.TryFind((int)tag, out TiffField field) && field.Count >= values.Length;
        for (int i = 0; i < values.Length; i++)
            values[i] = told ? field.Real(file, i) : usual[i];
    }

    static int Fixed(float value) => (int)(Math.Clamp(value, 0, 2) * (1 << Shift) + 0.5);

    /// <summary>A sample, to the range that its kind should have.</summary>
    static int Code(int sample, float black, float white, float range)
    {
        float width = white - black;
        float value = (sample - (int)black) * range / (width != 0 ? width : 1);
        return (int)Math.Clamp(value, -128 * 32, 128 * 32);
    }

    static byte Clamp(int value) => (byte)Math.Clamp(value, 0, 255);
}
