namespace PerturbedForgetting.Vision.Imaging.Jpeg;

/// <summary>How far the scans of a progressive frame have come with the coefficients of a component.</summary>
sealed class JpegProgress
{
    /// <summary>Coefficients, the first ones in zigzag order, that <see cref="BlockSmoothing"/> looks at.</summary>
    public const int Smoothed = 10;

    /// <summary>What <see cref="Lowest"/> holds of a coefficient that no scan has brought.</summary>
    public const int None = -1;

    readonly int[] lowest = new int[64], before = new int[Smoothed];

    /// <summary>For each coefficient in zigzag order the lowest bit received so far, or <see cref="None"/>.</summary>
    public ReadOnlySpan<int> Lowest => lowest;

    /// <summary>The same, of the first coefficients, before the component's last scan; zeros if that was the frame's first.</summary>
    public ReadOnlySpan<int> LowestBefore => before;

    /// <summary>Every coefficient has come down to its last bit.</summary>
    public bool IsComplete => !lowest.AsSpan().ContainsAnyExcept(0);

    public void Reset()
    {
        Array.Fill(lowest, None);
        Array.Clear(before);
    }

    /// <summary>Notes that a scan begins.</summary>
    /// <param name="spectrum">What it brings.</param>
    /// <param name="isFirst">It is the frame's first.</param>
    /// <returns>Whether it follows on those before.</returns>
    public bool Advance(Spectrum spectrum, bool isFirst)
    {
        if (isFirst)
            Array.Clear(before);
        else
            lowest.AsSpan(0, Smoothed).CopyTo(before);
        bool follows = spectrum.Start == 0 || lowest[0] != None;
        for (int k = spectrum.Start; k <= spectrum.End; k++)
        {
            follows &= spectrum.High == Math.Max(0, lowest[k]);
            lowest[k] = spectrum.Low;
        }
        return follows;
    }
}
