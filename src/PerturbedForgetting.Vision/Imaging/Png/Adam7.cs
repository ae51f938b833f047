namespace PerturbedForgetting.Vision.Imaging.Png;

/// <summary>A pass of an interlaced image: every so many pixels of every so many rows, from a first one on (PNG, 8.2).</summary>
/// <param name="Left">Column of the first pixel.</param>
/// <param name="Top">Its row.</param>
/// <param name="StepX">From a column to the next.</param>
/// <param name="StepY">From a row to the next.</param>
readonly record struct Adam7(int Left, int Top, int StepX, int StepY)
{
    /// <summary>The passes of an interlaced image, in order.</summary>
    public static readonly Adam7[] Passes =
        [new(0, 0, 8, 8), new(4, 0, 8, 8), new(0, 4, 4, 8), new(2, 0, 4, 4), new(0, 2, 2, 4), new(1, 0, 2, 2), new(0, 1, 1, 2)];

    /// <summary>The only pass of any other image.</summary>
    public static readonly Adam7[] Whole = [new(0, 0, 1, 1)];

    /// <summary>Columns of the pass; 0 where the image is too narrow to have any, and then it has no rows either.</summary>
    public int Columns(int width) => width <= Left ? 0 : (width - Left - 1) / StepX + 1;

    /// <summary>Rows of the pass.</summary>
    public int Rows(int width, int height) => width <= Left || height <= Top ? 0 : (height - Top - 1) / StepY + 1;
}
