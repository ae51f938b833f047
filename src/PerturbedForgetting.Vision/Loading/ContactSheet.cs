using PerturbedForgetting.Tensors.Random;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Imaging;
using PerturbedForgetting.Vision.Imaging.Png;
using PerturbedForgetting.Vision.Transforms;
using SkiaSharp;

namespace PerturbedForgetting.Vision.Loading;

/// <summary>Draws some images of each class beside its name, on one sheet.</summary>
public static class ContactSheet
{
    const int Cell = 72, Gap = 4, TitleHeight = 34, LongestName = 28, FontSize = 13;

    /// <summary>Draws the sheet: a row a class, its images evenly chosen among those of the class.</summary>
    /// <param name="dataset">The set.</param>
    /// <param name="decoder">Choices in decoding.</param>
    /// <param name="imagesPerClass">Images of each class, at least 1.</param>
    /// <param name="mostClasses">Classes, evenly chosen among those that have images, at least 1.</param>
    /// <param name="stop">Ends it.</param>
    /// <returns>A PNG file.</returns>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public static byte[] Draw(Dataset dataset, ImageDecoderOptions decoder, int imagesPerClass, int mostClasses, CancellationToken stop)
    {
        var rows = Choose(dataset, imagesPerClass, mostClasses);
        using var font = new SKFont(SKTypeface.Default, FontSize);
        using var ink = new SKPaint { Color = SKColors.Black, IsAntialias = true };
        string[] names = [.. rows.Select(r => Short(dataset.Classes.Names[r.Class]))];
        string title = FormattableString.Invariant($"{dataset.Name}: {dataset.Count} images, {dataset.Classes.Count} classes")
            + (rows.Count < dataset.Classes.Count ? FormattableString.Invariant($", {rows.Count} shown") : "");
        int nameWidth = (int)Math.Ceiling(names.Select(n => font.MeasureText(n)).DefaultIfEmpty().Max()) + 3 * Gap;
        int width = Math.Max(nameWidth + imagesPerClass * (Cell + Gap) + Gap, (int)font.MeasureText(title) + 4 * Gap);
        using var surface = SKSurface.Create(new SKImageInfo(width, TitleHeight + rows.Count * (Cell + Gap) + Gap, SKColorType.Rgba8888));
        SKCanvas canvas = surface.Canvas;
        canvas.Clear(SKColors.White);
        canvas.DrawText(title, 2 * Gap, TitleHeight - 3 * Gap, font, ink);
        using var painter = new Thumbnails(dataset, decoder, Cell, stop);
        for (int row = 0; row < rows.Count; row++)
        {
            int top = TitleHeight + row * (Cell + Gap);
            canvas.DrawText(names[row], 2 * Gap, top + Cell / 2f + FontSize / 3f, font, ink);
            for (int i = 0; i < rows[row].Images.Count; i++)
            {
                using SKImage? image = painter.Draw(rows[row].Images[i]);
                int left = nameWidth + i * (Cell + Gap);
                if (image is not null)
                    canvas.DrawImage(image, left, top);
                else
                    canvas.DrawText("unreadable", left, top + Cell / 2f, font, ink);
            }
        }
        using SKImage sheet = surface.Snapshot();
        using SKData png = sheet.Encode(SKEncodedImageFormat.Png, 100);
        return png.ToArray();
    }

    static List<(int Class, List<int> Images)> Choose(Dataset dataset, int imagesPerClass, int mostClasses)
    {
        var counts = new int[dataset.Classes.Count];
        for (int i = 0; i < dataset.Count; i++)
            if ((uint)dataset.Label(i) < (uint)counts.Length)
                counts[dataset.Label(i)]++;
        int[] present = [.. Enumerable.Range(0, counts.Length).Where(c => counts[c] > 0)];
        int shown = Math.Min(mostClasses, present.Length);
        var rows = Enumerable.Range(0, shown)
            .Select(i => (Class: present[(int)((long)i * present.Length / shown)], Images: new List<int>())).ToList();
        var rowOf = rows.Select((r, i) => (r.Class, i)).ToDictionary(r => r.Class, r => r.i);
        var seen = new int[counts.Length];
        for (int i = 0; i < dataset.Count; i++)
        {
            int label = dataset.Label(i);
            if (!rowOf.TryGetValue(label, out int row))
                continue;
            // The next one that is wanted of the class, as they lie evenly among all of its images.
            List<int> images = rows[row].Images;
            int wanted = Math.Min(imagesPerClass, counts[label]);
            if (images.Count < wanted && seen[label] == (int)((long)images.Count * counts[label] / wanted))
                images.Add(i);
            seen[label]++;
        }
        return rows;
    }

    static string Short(string name) => name.Length <= LongestName ? name : name[..(LongestName - 1)] + "…";
}

/// <summary>Small square pictures of images: the middle of each.</summary>
sealed class Thumbnails(Dataset dataset, ImageDecoderOptions options, int edge, CancellationToken stop) : IDisposable
{
    readonly ImageDecoder decoder = new(options) { Stop = stop };
    readonly RgbImage image = new();
    readonly Resampler resampler = new();
    readonly EvalTransform transform = new(edge, edge, cropShare: 1);

    /// <summary>The picture; null where the image cannot be read.</summary>
    public SKImage? Draw(int index)
    {
        stop.ThrowIfCancellationRequested();
        try
        {
            (int width, int height) = dataset.Open(index, decoder);
            RandomSequence none = new(0, 0);
            Crop crop = transform.Draw(width, height, ref none);
            dataset.Decode(index, decoder, transform.Region(crop), image);
            var pixels = new byte[transform.OutputBytes];
            transform.Apply(crop, image, resampler, pixels);
            return PngWriter.Rgb(pixels, edge, edge);
        }
        catch (ImageDecodeException)
        {
            return null;
        }
    }

    public void Dispose()
    {
        decoder.Dispose();
        image.Dispose();
        resampler.Dispose();
    }
}
