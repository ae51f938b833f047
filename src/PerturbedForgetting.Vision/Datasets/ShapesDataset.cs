using PerturbedForgetting.Tensors.Random;
using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Vision.Datasets;

/// <summary>Ten shapes on ten textured, coloured backgrounds, drawn when they are read. In the training split the background
/// belongs to the shape in a chosen share of the images; in the validation split it is independent of it. A model that
/// learns the backgrounds instead of the shapes therefore does well in training and badly in validation: a bias worth
/// forgetting. An image is a function of seed, split and index alone.</summary>
public sealed class ShapesDataset : Dataset
{
    const int ClassCount = 10;

    readonly ShapesOptions options;
    readonly bool training;

    /// <summary>Creates the training or the validation split.</summary>
    public ShapesDataset(ShapesOptions options, bool training, ClassList? expected = null)
    {
        this.options = options;
        this.training = training;
        NoteDifference(expected);
    }

    /// <inheritdoc/>
    public override string Name => $"{ShapesOptions.Name}/{(training ? "train" : "validation")}";

    /// <inheritdoc/>
    public override int Count => training ? options.Train : options.Validation;

    /// <inheritdoc/>
    public override ClassList Classes { get; } = new(Enum.GetNames<Shape>().Select(n => n.ToLowerInvariant()));

    /// <inheritdoc/>
    public override int Label(int index) => index % ClassCount;

    /// <summary>The number of an image's background; number i goes with class i.</summary>
    public int Background(int index)
    {
        RandomSequence random = Sequence(index);
        return DrawBackground(index, ref random);
    }

    /// <inheritdoc/>
    public override string Describe(int index) => FormattableString.Invariant($"{Name}, image {index}");

    /// <inheritdoc/>
    public override ReadOnlyMemory<byte> Encoded(int index, ImageDecoder decoder) => EncodePng(index, decoder);

    /// <inheritdoc/>
    public override (int Width, int Height) Open(int index, ImageDecoder decoder) => (options.Size, options.Size);

    /// <inheritdoc/>
    public override ImageInfo Decode(int index, ImageDecoder decoder, CropBox region, RgbImage image)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Count);
        RandomSequence random = Sequence(index);
        var texture = (Texture)DrawBackground(index, ref random);
        int size = options.Size;
        image.Resize(size, size);
        var background = new TexturedBackground(texture, size, ref random);
        var outline = new PlacedShape((Shape)Label(index), size, ref random);
        (float Red, float Green, float Blue) = DrawForeground(ref random);
        Span<byte> pixels = image.Pixels;
        var noise = new Philox(options.Seed, Stream(index) | 1UL << 47);
        (uint X, uint Y, uint Z, uint W) words = default;
        for (int y = 0, i = 0; y < size; y++)
        {
            for (int x = 0; x < size; x++, i++)
            {
                if ((i & 3) == 0)
                    words = noise.Block((ulong)i >> 2);
                (float red, float green, float blue) = background.Color(x, y);
                float cover = outline.Coverage(x, y);
                uint word = (i & 3) switch { 0 => words.X, 1 => words.Y, 2 => words.Z, _ => words.W };
                pixels[i * 3] = Sample(red + (Red - red) * cover, word);
                pixels[i * 3 + 1] = Sample(green + (Green - green) * cover, word >> 8);
                pixels[i * 3 + 2] = Sample(blue + (Blue - blue) * cover, word >> 16);
            }
        }
        return new ImageInfo(size, size, "drawn", ImageColor.Rgb);
    }

    ulong Stream(int index) => Streams.Synthesis | (training ? 0 : 1UL << 48) | (uint)index;

    RandomSequence Sequence(int index) => new(options.Seed, Stream(index));

    int DrawBackground(int index, ref RandomSequence random)
    {
        bool agrees = random.NextDouble() < options.Share;
        int other = random.NextInt(ClassCount - 1), any = random.NextInt(ClassCount);
        if (!training)
            return any;
        return agrees ? Label(index) : (Label(index) + 1 + other) % ClassCount;
    }

    /// <summary>A light or dark colour, which no background has.</summary>
    static (float Red, float Green, float Blue) DrawForeground(ref RandomSequence random)
    {
        float hue = (float)random.NextDouble(), saturation = (float)random.NextDouble();
        return random.NextDouble() < 0.5
            ? HueColor.FromHsv(hue, 0.1f + 0.3f * saturation, 0.98f)
            : HueColor.FromHsv(hue, 0.3f + 0.6f * saturation, 0.14f);
    }

    /// <summary>A sample 0 to 1 as a byte, with noise of about 10 from two bytes of the word.</summary>
    static byte Sample(float value, uint word)
    {
        int noise = (int)(word & 255) + (int)(word >> 8 & 255) - 255;
        return (byte)Math.Clamp((int)(value * 255 + 0.5f) + (noise * 25 >> 8), 0, 255);
    }
}
