using System.Numerics;

namespace PerturbedForgetting.Tensors.Backends.Cpu.Compute;

/// <summary>
/// A grid of windows on an NHWC image batch. Line (n, i, j) of the grid has depth (tap row, tap column, channel) and holds
/// image[n, OriginH + i * StepH + tapRow * TapStepH, OriginW + j * StepW + tapColumn * TapStepW, channel], or zero outside.
/// </summary>
unsafe struct WindowGrid<T>
    where T : unmanaged
{
    /// <summary>First channel of the first pixel.</summary>
    public T* Image;

    /// <summary>Image height, width, and elements from a pixel to the next.</summary>
    public int H, W, PixelStep;

    /// <summary>Channels read.</summary>
    public int Channels;

    /// <summary>Windows of an image.</summary>
    public int GridH, GridW;

    /// <summary>Where the first window begins, the steps between windows, the steps between taps (positive), the taps.</summary>
    public int OriginH, OriginW, StepH, StepW, TapStepH, TapStepW, TapsH, TapsW;

    /// <summary>Elements of a window.</summary>
    public readonly int Depth => TapsH * TapsW * Channels;

    /// <summary>The windows of a convolution of channels [channel, channel + C/Groups).</summary>
    public static WindowGrid<T> Of(in Conv2dShape s, T* x, int channel) => new()
    {
        Image = x + channel,
        H = s.H,
        W = s.W,
        PixelStep = s.C,
        Channels = s.GroupC,
        GridH = s.OH,
        GridW = s.OW,
        OriginH = -s.PadH,
        OriginW = -s.PadW,
        StepH = s.StrideH,
        StepW = s.StrideW,
        TapStepH = s.DilH,
        TapStepW = s.DilW,
        TapsH = s.KH,
        TapsW = s.KW,
    };
}

/// <summary>Windows as lines: the im2col matrix of a convolution, never stored.</summary>
readonly unsafe struct WindowLines<T>(WindowGrid<T> grid) : ILeftOperand<T>, IRightOperand<T>
    where T : unmanaged, INumber<T>
{
    public static bool LineMajor => true;

    public void PackLeft(T* panel, int line, int lines, int depth0, int depth, int step)
    {
        int column = line % grid.GridW, rest = line / grid.GridW;
        int row = rest % grid.GridH, image = rest / grid.GridH;
        // A dense row of taps is one contiguous run of the image.
        int runTaps = grid.TapStepW == 1 && grid.PixelStep == grid.Channels ? grid.TapsW : 1;
        int runLength = runTaps * grid.Channels, run = depth0 / runLength, runsPerRow = grid.TapsW / runTaps;
        var first = new Run(runTaps, runLength, runsPerRow, run / runsPerRow, run % runsPerRow, depth0 % runLength);
        for (int i = 0; i < lines; i++, panel += step)
        {
            PackWindow(panel, image, row, column, first, depth);
            if (++column < grid.GridW)
                continue;
            column = 0;
            if (++row < grid.GridH)
                continue;
            row = 0;
            image++;
        }
    }

    public void PackRight(T* panel, int line, int lines, int depth0, int depth, int step)
    {
        T* gathered = Scratch.Get<T>(ScratchUse.Gather, (long)lines * depth);
        PackLeft(gathered, line, lines, depth0, depth, depth);
        Transposition.Run(gathered, depth, panel, step, lines, depth);
    }

    void PackWindow(T* target, int image, int row, int column, in Run first, int depth)
    {
        int h = grid.OriginH + (row * grid.StepH) + (first.TapRow * grid.TapStepH), w0 = grid.OriginW + (column * grid.StepW);
        T* pixels = grid.Image + ((long)image * grid.H * grid.W * grid.PixelStep);
        int tapRun = first.TapRun, offset = first.Offset;
        while (depth > 0)
        {
            int length = Math.Min(first.Length - offset, depth), w = w0 + (tapRun * first.Taps * grid.TapStepW);
            T* source = pixels + ((((long)h * grid.W) + w) * grid.PixelStep) + offset;
            if ((uint)h >= (uint)grid.H)
                Lanes.Clear(target, length);
            else if (w >= 0 && w + first.Taps <= grid.W)
                Lanes.Copy(source, target, length);
            else
                CopyClipped(source, target, length, (-w * grid.Channels) - offset, ((grid.W - w) * grid.Channels) - offset);
            target += length;
            depth -= length;
            offset = 0;
            if (++tapRun == first.PerRow)
            {
                tapRun = 0;
                h += grid.TapStepH;
            }
        }
    }

    /// <summary>Copies elements [low, high), those inside the image, and clears the rest.</summary>
    static void CopyClipped(T* source, T* target, int length, int low, int high)
    {
        low = Math.Clamp(low, 0, length);
        high = Math.Clamp(high, low, length);
        Lanes.Clear(target, low);
        Lanes.Copy(source + low, target + low, high - low);
        Lanes.Clear(target + high, length - high);
    }

    /// <summary>How a window falls into contiguous runs (taps and elements of one, runs in a row of taps), and where a block of depth
    /// begins in them.</summary>
    readonly record struct Run(int Taps, int Length, int PerRow, int TapRow, int TapRun, int Offset);
}

/// <summary>Windows as depth: line (tap row, tap column, channel), depth (image, window row, window column).</summary>
readonly unsafe struct WindowDepth<T>(WindowGrid<T> grid) : ILeftOperand<T>, IRightOperand<T>
    where T : unmanaged, INumber<T>
{
    public static bool LineMajor => false;

    public void PackRight(T* panel, int line, int lines, int depth0, int depth, int step) =>
        PackLeft(panel, line, lines, depth0, depth, step);

    public void PackLeft(T* panel, int line, int lines, int depth0, int depth, int step)
    {
        // A dense row of taps is one contiguous run of the image.
        int runTaps = grid.TapStepW == 1 && grid.PixelStep == grid.Channels ? grid.TapsW : 1;
        int runLength = runTaps * grid.Channels, runsPerRow = grid.TapsW / runTaps;
        while (lines > 0)
        {
            int run = line / runLength, offset = line - (run * runLength), count = Math.Min(runLength - offset, lines);
            PackRun(panel, run / runsPerRow, run % runsPerRow, runTaps, offset, count, depth0, depth, step);
            panel += count;
            line += count;
            lines -= count;
        }
    }

    void PackRun(T* panel, int tapRow, int tapRun, int taps, int offset, int count, int depth0, int depth, int step)
    {
        int h0 = grid.OriginH + (tapRow * grid.TapStepH), w0 = grid.OriginW + (tapRun * taps * grid.TapStepW);
        // Windows [low, high) of a grid row have the whole run inside the image.
        int low = Math.Clamp(GemmPlan.CeilDiv(-w0, grid.StepW), 0, grid.GridW);
        int high = w0 + taps > grid.W ? low : Math.Clamp(((grid.W - w0 - taps) / grid.StepW) + 1, low, grid.GridW);
        int column = depth0 % grid.GridW, rest = depth0 / grid.GridW;
        int row = rest % grid.GridH, image = rest / grid.GridH;
        while (depth > 0)
        {
            int windows = Math.Min(grid.GridW - column, depth), h = h0 + (row * grid.StepH);
            if ((uint)h < (uint)grid.H)
            {
                T* source = grid.Image + ((((((long)image * grid.H) + h) * grid.W) + w0) * grid.PixelStep) + offset;
                int begin = Math.Clamp(low - column, 0, windows), end = Math.Clamp(high - column, begin, windows);
                PackClipped(panel, source, taps, w0, offset, count, column, begin, step);
                Lanes.CopyRows(source + ((long)(column + begin) * grid.StepW * grid.PixelStep), (long)grid.StepW * grid.PixelStep,
                    panel + ((long)begin * step), step, count, end - begin);
                PackClipped(panel + ((long)end * step), source, taps, w0, offset, count, column + end, windows - end, step);
            }
            else
            {
                Lanes.ClearRows(panel, step, count, windows);
            }
            panel += (long)windows * step;
            depth -= windows;
            column = 0;
            if (++row == grid.GridH)
            {
                row = 0;
                image++;
            }
        }
    }

    /// <summary>Windows at the side of the image, some of whose taps lie outside.</summary>
    void PackClipped(T* panel, T* source, int taps, int w0, int offset, int count, int column, int windows, int step)
    {
        for (int i = 0; i < windows; i++, panel += step)
        {
            int w = w0 + ((column + i) * grid.StepW);
            int low = Math.Clamp((Math.Clamp(-w, 0, taps) * grid.Channels) - offset, 0, count);
            int high = Math.Clamp((Math.Clamp(grid.W - w, 0, taps) * grid.Channels) - offset, low, count);
            T* pixel = source + ((long)(column + i) * grid.StepW * grid.PixelStep);
            Lanes.Clear(panel, low);
            Lanes.Copy(pixel + low, panel + low, high - low);
            Lanes.Clear(panel + high, count - high);
        }
    }
}

/// <summary>
/// Weights O,KH,KW,I for the gradient of the input: line = input channel, depth = (tap row, tap column, output channel),
/// where the taps are those that reach one parity class of input pixels, from the last to the first.
/// </summary>
unsafe struct BackwardTaps<T> : IRightOperand<T>
    where T : unmanaged, INumber<T>
{
    /// <summary>Weights of the group.</summary>
    public T* Weights;

    /// <summary>Kernel size, input and output channels of the group.</summary>
    public int KH, KW, I, O;

    /// <summary>The last tap of the class, the step down to the one before, and their number across.</summary>
    public int LastH, LastW, TapStepH, TapStepW, TapsW;

    public readonly void PackRight(T* panel, int line, int lines, int depth0, int depth, int step)
    {
        long outputStep = (long)KH * KW * I;
        while (depth > 0)
        {
            int tap = depth0 / O, output = depth0 - (tap * O), count = Math.Min(O - output, depth);
            int h = LastH - (tap / TapsW * TapStepH), w = LastW - (tap % TapsW * TapStepW);
            Lanes.CopyRows(Weights + (output * outputStep) + (((h * KW) + w) * I) + line, outputStep, panel, step, lines, count);
            panel += (long)count * step;
            depth0 += count;
            depth -= count;
        }
    }
}

/// <summary>Rows of C go to every StepH-th row and StepW-th column of an NHWC image batch, from (OriginH, OriginW).</summary>
unsafe struct PixelSink<T> : ITileSink<T>
    where T : unmanaged, INumber<T>
{
    /// <summary>First channel written of the first pixel.</summary>
    public T* Image;

    /// <summary>Image height, width, and elements from a pixel to the next.</summary>
    public int H, W, PixelStep;

    /// <summary>Rows of C of an image, as a grid, and where they go.</summary>
    public int GridH, GridW, OriginH, OriginW, StepH, StepW;

    /// <summary>Whether the image is added to.</summary>
    public bool Accumulate;

    public readonly void Store(T* tile, int step, int row, int rows, int column, int columns, bool first, bool last)
    {
        for (int i = 0; i < rows; i++, tile += step)
        {
            int across = (row + i) % GridW, rest = (row + i) / GridW;
            long h = OriginH + ((long)(rest % GridH) * StepH), w = OriginW + ((long)across * StepW);
            T* target = Image + ((((((long)(rest / GridH)) * H) + h) * W) + w) * PixelStep + column;
            if (first && !Accumulate)
                Lanes.Copy(tile, target, columns);
            else
                Lanes.Add(tile, target, columns);
        }
    }

    public readonly T* Place(int row, int column, bool first, out long step, out bool add)
    {
        (step, add) = (0, false);
        return null;
    }

    public readonly void Finish(T* place, int row, int rows, int column, int columns)
    {
    }
}
