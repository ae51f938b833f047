using System.Buffers.Binary;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Imaging;
using PerturbedForgetting.Vision.Imaging.Png;
using SixLabors.ImageSharp.PixelFormats;

namespace PerturbedForgetting.Tests.Vision;

/// <summary>The bytes that a set gives of an image: those of its file, or a PNG of the same pixels.</summary>
public class EncodedImagesTests
{
    static byte[] Pixels(Dataset set, int index)
    {
        using var image = new RgbImage();
        using var decoder = new ImageDecoder();
        set.Read(index, image, decoder);
        return image.Pixels.ToArray();
    }

    static void CheckPngs(Dataset set, ImageColor color)
    {
        using var decoder = new ImageDecoder();
        using var image = new RgbImage();
        for (int i = 0; i < set.Count; i++)
        {
            byte[] png = set.Encoded(i, decoder).ToArray();
            Assert.That(decoder.Decode(png, image), Is.EqualTo(new ImageInfo(image.Width, image.Height, "PNG", color)));
            Assert.That(image.Pixels.ToArray(), Is.EqualTo(Pixels(set, i)), $"image {i}");
        }
    }

    [Test]
    public void DrawnImagesArePngs()
    {
        using Dataset shapes = DatasetFactory.Open("builtin/shapes:train=20,val=10,size=24", null, "train");
        CheckPngs(shapes, ImageColor.Rgb);
        Assert.That(shapes.ImageName(7), Is.EqualTo("00000007"));
    }

    [Test]
    public void GreyDigitsAreGreyPngs()
    {
        using var folder = new TestFolder();
        var images = new byte[16 + 3 * 35];
        new Random(5).NextBytes(images.AsSpan(16));
        int[] header = [0x803, 3, 7, 5];
        for (int i = 0; i < header.Length; i++)
            BinaryPrimitives.WriteInt32BigEndian(images.AsSpan(4 * i), header[i]);
        folder.Write("t10k-images-idx3-ubyte", images);
        folder.Write("t10k-labels-idx1-ubyte", [0, 0, 8, 1, 0, 0, 0, 3, 7, 0, 9]);
        using Dataset digits = DatasetFactory.Open("mnist", folder.Root, "test");
        CheckPngs(digits, ImageColor.Grey);
    }

    [Test]
    public void AnotherReaderSeesTheSamePixels([Values(1, 2, 31)] int width, [Values(1, 3, 40)] int height)
    {
        using var image = new RgbImage();
        image.Resize(width, height);
        Span<byte> pixels = image.Pixels;
        for (int i = 0; i < pixels.Length; i++)
            pixels[i] = (byte)(i * i / (1 + i % 7));
        using var read = SixLabors.ImageSharp.Image.Load<Rgb24>(PngWriter.Write(image));
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++)
                Assert.That((read[x, y].R, read[x, y].G, read[x, y].B),
                    Is.EqualTo((image.Row(y)[3 * x], image.Row(y)[3 * x + 1], image.Row(y)[3 * x + 2])));
    }

    [Test]
    public void FilesAreGivenAsTheyAre()
    {
        using var folder = new TestFolder();
        byte[] jpeg = TestImages.Jpeg(6, 4);
        folder.Write("train/cat/inner/a b.jpg", jpeg);
        folder.Write("train/dog/c.png", "no image");
        using Dataset set = DatasetFactory.Open("", folder.Root, "train");
        using var decoder = new ImageDecoder();
        Assert.That(set.Encoded(0, decoder).ToArray(), Is.EqualTo(jpeg));
        Assert.That((set.ImageName(0), set.ImageName(1)), Is.EqualTo(("inner/a b", "c")));
        Assert.That(Assert.Throws<ImageDecodeException>(() => set.Encoded(1, decoder))!.Path, Does.EndWith("c.png"));
    }
}
