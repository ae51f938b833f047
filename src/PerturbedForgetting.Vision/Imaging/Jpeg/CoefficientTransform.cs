namespace PerturbedForgetting.Vision.Imaging.Jpeg;

/// <summary>Makes the samples of a frame whose coefficients were collected from several scans.</summary>
static class CoefficientTransform
{
    /// <summary>Transforms the blocks that are needed. A component without any scan stays grey.</summary>
    public static void Apply(JpegFrame frame, DecodeBudget budget)
    {
        bool smooth = BlockSmoothing.IsUseful(frame);
        Span<short> smoothed = stackalloc short[64];
        foreach (JpegComponent component in frame.Components)
        {
            for (int y = component.Rows.Begin / 8; y < component.Rows.End / 8; y++)
            {
                budget.Check();
                for (int x = component.Columns.Begin / 8; x < component.Columns.End / 8; x++)
                {
                    scoped Span<short> block = component.Block(x, y);
                    if (smooth)
                    {
                        BlockSmoothing.Apply(frame, component, x, y, smoothed);
                        block = smoothed;
                    }
                    InverseDct.Transform(block, component.Quantisation, component.Samples(x, y), component.Stride);
                }
            }
        }
    }
}
