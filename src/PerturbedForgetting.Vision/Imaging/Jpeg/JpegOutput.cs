namespace PerturbedForgetting.Vision.Imaging.Jpeg;

/// <summary>What a file says about its colours.</summary>
struct JpegColorMarkers
{
    /// <summary>A JFIF header: one or three components, the latter YCbCr.</summary>
    public bool Jfif;

    /// <summary>The transform of the Adobe marker (0 none, 1 YCbCr, 2 YCCK) and whether there is one.</summary>
    public (byte Value, bool Present) AdobeTransform;
}

/// <summary>Turns the component planes into RGB rows: chroma upsampling and colour conversion.</summary>
sealed class JpegOutput : IDisposable
{
    readonly byte[][] rows = [[], [], [], []];
    ushort[] sums = [];

    /// <summary>Writes the decoded frame into <paramref name="image"/>.</summary>
    public void Write(JpegFrame frame, JpegColorMarkers markers, RgbImage image)
    {
        image.Resize(frame.Width, frame.Height);
        int count = frame.Count;
        bool transformed = IsTransformed(frame, markers);
        for (int i = 0; i < count; i++)
            PooledBuffer.Ensure(ref rows[i], frame.McusWide * frame.MaxH * 8 + RgbImage.Slack);
        PooledBuffer.Ensure(ref sums, frame.McusWide * frame.MaxH * 8 + RgbImage.Slack);
        for (int y = 0; y < frame.Height; y++)
        {
            for (int i = 0; i < count; i++)
                Upsampling.Row(frame.Components[i], y, frame.MaxH, frame.MaxV, sums, rows[i]);
            Span<byte> target = image.Row(y);
            int width = frame.Width;
            switch (count)
            {
                case 1:
                    JpegColor.FromGrey(rows[0].AsSpan(0, width), target);
                    break;
                case 3 when transformed:
                    JpegColor.FromYcc(rows[0].AsSpan(0, width), rows[1], rows[2], target);
                    break;
                case 3:
                    JpegColor.FromRgb(rows[0].AsSpan(0, width), rows[1], rows[2], target);
                    break;
                default:
                    JpegColor.FromInks(rows[0].AsSpan(0, width), rows[1], rows[2], rows[3], transformed, target);
                    break;
            }
        }
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
            return markers.AdobeTransform is { Present: true, Value: 2 };
        if (markers.Jfif)
            return true;
        if (markers.AdobeTransform.Present)
            return markers.AdobeTransform.Value != 0;
        return !(frame.Count == 3 && frame.Components[0].Id == 'R' && frame.Components[1].Id == 'G' && frame.Components[2].Id == 'B');
    }
}
