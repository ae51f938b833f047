namespace PerturbedForgetting.Vision.Imaging.Jpeg;

/// <summary>What a file says about its colours.</summary>
struct JpegColorMarkers
{
    /// <summary>A JFIF header: one or three components, the latter YCbCr.</summary>
    public bool Jfif;

    /// <summary>The transform of the Adobe marker (0 none, 1 YCbCr, 2 YCCK; others are taken for one) and whether there is one.</summary>
    public (byte Value, bool Present) AdobeTransform;
}

/// <summary>Turns the component planes into RGB rows: chroma upsampling and colour conversion.</summary>
sealed class JpegOutput : IDisposable
{
    readonly byte[][] rows = [[], [], [], []];
    ushort[] sums = [];

    /// <summary>Writes the frame's region into <paramref name="image"/>, which takes the frame's size.</summary>
    public void Write(JpegFrame frame, JpegColorMarkers markers, RgbImage image)
    {
        image.Resize(frame.Width, frame.Height);
        int count = frame.Count;
        bool transformed = IsTransformed(frame, markers);
        for (int i = 0; i < count; i++)
            PooledBuffer.Ensure(ref rows[i], frame.McusWide * frame.MaxH * 8 + RgbImage.Slack);
        PooledBuffer.Ensure(ref sums, frame.McusWide * frame.MaxH * 8 + RgbImage.Slack);
        CropBox region = frame.Region;
        for (int y = region.Top; y < region.Top + region.Height; y++)
        {
            for (int i = 0; i < count; i++)
                Upsampling.Row(frame.Components[i], y, frame.MaxH, frame.MaxV, sums, rows[i]);
            Span<byte> target = image.Row(y).Slice(region.Left * 3, region.Width * 3);
            switch (count)
            {
                case 1:
                    JpegColor.FromGrey(Row(0), target);
                    break;
                case 3 when transformed:
                    JpegColor.FromYcc(Row(0), Row(1), Row(2), target);
                    break;
                case 3:
                    JpegColor.FromRgb(Row(0), Row(1), Row(2), target);
                    break;
                default:
                    JpegColor.FromInks(Row(0), Row(1), Row(2), Row(3), transformed, target);
                    break;
            }
        }

        Span<byte> Row(int component) => rows[component].AsSpan(region.Left, region.Width);
    }

    public void Dispose()
    {
        for (int i = 0; i < rows.Length; i++)
            PooledBuffer.Release(ref rows[i]);
        PooledBuffer.Release(ref sums);
    }

    /// <summary>Whether the components are luma and chroma, by the rules of libjpeg.</summary>
    static bool IsTransformed(JpegFrame frame, JpegColorMarkers markers)
    {
        if (frame.Count == 4)
            return markers.AdobeTransform is { Present: true, Value: not 0 };
        if (markers.Jfif)
            return true;
        if (markers.AdobeTransform.Present)
            return markers.AdobeTransform.Value != 0;
        return !(frame.Count == 3 && frame.Components[0].Id == 'R' && frame.Components[1].Id == 'G' && frame.Components[2].Id == 'B');
    }
}
