namespace PerturbedForgetting.Vision.Imaging;

/// <summary>A rectangle in pixels, named as the reference does: top i, left j, height h, width w.</summary>
public readonly record struct CropBox(int Top, int Left, int Height, int Width)
{
    /// <summary>The box around a whole image.</summary>
    internal static CropBox Whole(int width, int height) => new(0, 0, height, width);

    /// <summary>The part of the box, at least one pixel, that lies in an image of the given size.</summary>
    internal CropBox Within(int width, int height)
    {
        int top = Math.Clamp(Top, 0, height - 1), left = Math.Clamp(Left, 0, width - 1);
        int bottom = (int)Math.Clamp((long)Top + Height, top + 1, height), right = (int)Math.Clamp((long)Left + Width, left + 1, width);
        return new CropBox(top, left, bottom - top, right - left);
    }
}
