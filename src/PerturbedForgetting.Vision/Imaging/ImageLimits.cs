namespace PerturbedForgetting.Vision.Imaging;

static class ImageLimits
{
    /// <summary>A canvas of more pixels may not be larger than its first frame by more than this factor: it would be an image made of
    /// nothing.</summary>
    const int LargeCanvas = 1 << 24, LargestMargin = 64;

    /// <summary>Refuses an image with more pixels than allowed, before anything is allocated for it.</summary>
    public static void CheckPixels(int width, int height, long maxPixels)
    {
        if ((long)width * height > maxPixels || (long)width * height * 3 > Array.MaxLength - RgbImage.Slack)
        {
            throw new ImageDecodeException(ImageProblem.TooLarge, FormattableString.Invariant(
                $"{width} x {height} is more than the {maxPixels} pixels that are allowed; shrink the image"));
        }
    }

    /// <summary>Refuses a frame that is a speck in a huge canvas: a few bytes would claim time and memory for nothing.</summary>
    public static void CheckCanvas(int width, int height, int frameWidth, int frameHeight)
    {
        if ((long)width * height is > LargeCanvas and var pixels && pixels / LargestMargin > (long)frameWidth * frameHeight)
            throw new ImageDecodeException(ImageProblem.Corrupt, "its first frame is a speck in its canvas");
    }
}
