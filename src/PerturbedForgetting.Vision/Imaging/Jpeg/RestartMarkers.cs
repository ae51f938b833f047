namespace PerturbedForgetting.Vision.Imaging.Jpeg;

/// <summary>Counts MCUs and finds the markers between restart intervals (T.81, B.2.1). Where another marker lies than is due, it goes
/// on as libjpeg does: waits at one that is to come later, passes over one that should have come before, and takes any that is too
/// far off for the one due.</summary>
struct RestartMarkers
{
    const byte FirstRestart = JpegSegment.FirstRestart, LastRestart = JpegSegment.LastRestart, FirstFrame = JpegSegment.FirstFrame;

    readonly int interval;
    int untilNext;
    int due;

    /// <summary>Begins a scan; 0 MCUs is an interval without end.</summary>
    public RestartMarkers(int interval) => this.interval = untilNext = interval;

    /// <summary>What was wrong with them.</summary>
    public ImageWarnings Warnings { get; private set; }

    /// <summary>An interval has ended before the next MCU.</summary>
    public readonly bool AreDue => interval > 0 && untilNext == 0;

    public void CountMcu() => untilNext--;

    /// <summary>Lets the reader begin the next interval.</summary>
    /// <returns>Whether it begins behind a marker; false if a marker was left before it, as if it were empty.</returns>
    public bool Pass(ref EntropyReader reader, ReadOnlySpan<byte> data)
    {
        int position = reader.Position;
        bool hasExtraBytes = false;
        int marker = JpegSegment.Find(data, ref position, ref hasExtraBytes);
        bool passed = marker == FirstRestart + due;
        if (!passed)
        {
            Warnings |= ImageWarnings.RestartMarkers;
            passed = Resume(data, ref position, ref marker);
        }
        if (hasExtraBytes)
            Warnings |= ImageWarnings.ExtraBytes;
        reader.Restart(passed ? position + 2 : position);
        due = (due + 1) & 7;
        untilNext = interval;
        return passed;
    }

    /// <summary>Decides at which marker decoding goes on, and whether behind it.</summary>
    readonly bool Resume(ReadOnlySpan<byte> data, ref int position, ref int marker)
    {
        bool ignored = false;
        while (true)
        {
            bool passOver;
            if (marker is >= FirstRestart and <= LastRestart)
            {
                // How many intervals this marker is ahead of the one due: 1 or 2, or 6 or 7 for one or two behind.
                int ahead = (marker - FirstRestart - due) & 7;
                if (ahead is 1 or 2)
                    return false;
                passOver = ahead is 6 or 7;
                if (!passOver)
                    return true;
            }
            else if (marker is < 0 or >= FirstFrame)
            {
                return false;
            }
            position += 2;
            marker = JpegSegment.Find(data, ref position, ref ignored);
        }
    }
}
