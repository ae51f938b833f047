using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Vision.Transforms;

/// <summary>What a transform does with one image: a part of it is resized, and a window of that is the result.</summary>
/// <param name="Box">The part of the image that is resized.</param>
/// <param name="Height">To how many rows.</param>
/// <param name="Width">To how many columns.</param>
/// <param name="Window">The part of what is resized that is kept; zeros where it lies outside.</param>
/// <param name="Flip">Whether it is mirrored left to right at last.</param>
public readonly record struct Crop(CropBox Box, int Height, int Width, CropBox Window, bool Flip);
