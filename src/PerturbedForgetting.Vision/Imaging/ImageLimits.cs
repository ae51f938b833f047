namespace PerturbedForgetting.Vision.Imaging;

static class ImageLimits
{
    /// <summary>Refuses an image with more pixels than allowed, before anything is allocated for it.</summary>
    public static void CheckPixels(int width, int height, long maxPixels)
    {
        if ((long)width * height > maxPixels || (long)width * height * 3 > Array.MaxLength - RgbImage.Slack)
        {
            throw new ImageDecodeException(ImageProblem.TooLarge, FormattableString.Invariant(
                $"{width} x {height} is more than the {maxPixels} pixels that are allowed; shrink the image"));
        }
    }
}
