using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using PerturbedForgetting.Tensors.Random;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Imaging;
using PerturbedForgetting.Vision.Transforms;

namespace Benchmarks;

/// <summary>
/// What an image costs before a model sees it, in processor time of one core: a file read, decoded as far as its random crop needs,
/// cropped, resized and mirrored; the parts of that; evaluation; small images; the same images in tar, TFRecord and WebDataset
/// files. The photos are those of <c>--images FOLDER</c>, or made here. With <c>--peer COMMAND</c> another program does the same with
/// the same files in turn: it is called as <c>COMMAND FOLDER</c> and prints <c>... X images/s ...</c>, of one core. "decode last pixel"
/// is nearly the reading of codes alone.
/// </summary>
sealed partial class LoaderSuite : IDisposable
{
    const string Everything = "photo/all", PeerName = "photo/peer";
    const int Pixels = 224;
    const double WarmUpSeconds = 0.5;

    /// <summary>So that a set has several shards.</summary>
    const long ShardBytes = 2_000_000;

    readonly ImageDecoder decoder = new();
    readonly RgbImage image = new();
    readonly Resampler resampler = new();
    byte[] target = [];

    public static void Run(SuiteOptions options, Figures figures)
    {
        string temporary = Path.Combine(Path.GetTempPath(), $"benchmark-images-{Environment.ProcessId}"),
            small = Path.Combine(temporary, "small");
        string photos = IsParquet(options.Images) ? small : options.Images ?? Path.Combine(temporary, "photos");
        using var suite = new LoaderSuite();
        try
        {
            LoaderImages.WriteSmall(small);
            if (options.Images is null)
                LoaderImages.WritePhotos(photos);
            suite.Run(photos, small, options, figures);
            suite.RunContainers(photos, small, Path.Combine(temporary, "containers"), options, figures);
        }
        finally
        {
            Directory.Delete(temporary, recursive: true);
        }
    }

    public void Dispose()
    {
        decoder.Dispose();
        image.Dispose();
        resampler.Dispose();
    }

    /// <summary>The same images in every container, in random order; a container is to be no slower than files in folders. Images that
    /// are given are read both as photos and as small ones.</summary>
    void RunContainers(string folder, string smallFolder, string temporary, SuiteOptions options, Figures figures)
    {
        foreach ((string kind, string images, ImageTransform transform) in new (string, string, ImageTransform)[]
            { ("photo", folder, new RandomResizedCrop(Pixels, Pixels, (0.08, 1))), ("cifar", smallFolder, new PaddedCrop(32, 32)) })
        {
            string start = $"containers/{kind}/";
            if (!options.Includes(start) && !start.StartsWith(options.Prefix, StringComparison.Ordinal))
                continue;
            string place = Path.Combine(temporary, kind);
            var sets = IsParquet(options.Images) ? LoaderContainers.Make(options.Images!, place, ShardBytes)
                : LoaderContainers.Make(LoaderImages.Read(options.Images ?? images), place, ShardBytes);
            Case[] cases = [.. sets.Select(s => new Case(start + s.Form, s.Data.Count, i => Read(s.Data, transform, i)))
                .Where(c => options.Includes(c.Name))];
            foreach (Case c in cases)
                c.WarmUp();
            for (int round = 0; round < options.Rounds; round++)
            {
                foreach (Case c in cases)
                    c.Measure(figures);
            }
            foreach (Case c in cases)
                Report(c.Name, c.Seconds);
            foreach (var (_, data) in sets)
                data.Dispose();
        }
    }

    void Run(string folder, string smallFolder, SuiteOptions options, Figures figures)
    {
        LoaderImage[] photos = LoaderImages.Read(folder), small = LoaderImages.Read(smallFolder);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{photos.Length} photos, {photos.Average(p => p.Bytes.Length) / 1000:F0} kB each; processor time of one core, median and best "
            + $"of {options.Rounds}"));
        Console.WriteLine($"{"image",-28}{"us",9}{"best us",9}{"images/s a core",17}");
        var cases = Cases(photos, small).Where(c => options.Includes(c.Name)).ToArray();
        foreach (Case c in cases)
            c.WarmUp();
        bool compares = options.Peer is not null && cases.Any(c => c.Name == Everything);
        List<double> peer = [];
        for (int round = 0; round < options.Rounds; round++)
        {
            foreach (Case c in cases)
                c.Measure(figures);
            if (!compares)
                continue;
            peer.Add(1 / PeerRate(options.Peer!, folder));
            figures.Add(FigureOf(PeerName), "s", [.. peer]);
        }
        foreach (Case c in cases)
            Report(c.Name, c.Seconds);
        if (compares)
        {
            Report(PeerName, peer);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"ours does {Median(peer) / Median(cases.First(c => c.Name == Everything).Seconds):F2} times the peer's images a second"));
        }
    }

    IEnumerable<Case> Cases(LoaderImage[] photos, LoaderImage[] small)
    {
        // The share of the area that torchvision draws by default.
        ImageTransform training = new RandomResizedCrop(Pixels, Pixels, (0.08, 1)), evaluation = new EvalTransform(Pixels, Pixels);
        ImageTransform padded = new PaddedCrop(32, 32);
        RgbImage decoded = new();
        decoder.Decode(photos[0].Bytes, decoded);
        var shapes = DatasetFactory.Open("builtin/shapes:size=32,train=1000", null, "train");
        yield return new(Everything, photos.Length, i => Read(photos[i].Path, training, i));
        yield return new("photo/decode whole", photos.Length, i => decoder.Decode(photos[i].Bytes, image));
        yield return new("photo/decode crop", photos.Length, i => Decode(decoder.Open(photos[i].Bytes), training, i));
        yield return new("photo/decode last pixel", photos.Length, i => DecodeLastPixel(photos[i].Bytes));
        yield return new("photo/crop, resize, mirror", photos.Length, i => Apply(decoded, training, i));
        yield return new("evaluation/all", photos.Length, i => Read(photos[i].Path, evaluation, i));
        yield return new("evaluation/resize", photos.Length, i => Apply(decoded, evaluation, i));
        yield return new("cifar/all", small.Length, i => Read(small[i].Path, padded, i));
        yield return new("shapes/all", shapes.Count, i =>
        {
            shapes.Read(i, image, decoder);
            Apply(image, padded, i);
        });
    }

    static bool IsParquet(string? images) => images?.EndsWith(".parquet", StringComparison.OrdinalIgnoreCase) == true;

    void Read(Dataset data, ImageTransform transform, int number)
    {
        // A step that has no divisor in common with the usual numbers of images, so that each comes once, in no order that a disk likes.
        int index = (int)((long)number * 7919 % data.Count);
        (int width, int height) = data.Open(index, decoder);
        Crop crop = Draw(width, height, transform, number);
        data.Decode(index, decoder, transform.Region(crop), image);
        Apply(image, transform, crop);
    }

    void DecodeLastPixel(byte[] bytes)
    {
        (int width, int height) = decoder.Open(bytes);
        decoder.Decode(new CropBox(height - 1, width - 1, 1, 1), image);
    }

    void Read(string path, ImageTransform transform, int number) =>
        Apply(image, transform, Decode(decoder.Open(path), transform, number));

    Crop Decode((int Width, int Height) size, ImageTransform transform, int number)
    {
        Crop crop = Draw(size.Width, size.Height, transform, number);
        decoder.Decode(transform.Region(crop), image);
        return crop;
    }

    void Apply(RgbImage source, ImageTransform transform, int number) =>
        Apply(source, transform, Draw(source.Width, source.Height, transform, number));

    void Apply(RgbImage source, ImageTransform transform, Crop crop)
    {
        if (target.Length < transform.OutputBytes)
            target = new byte[transform.OutputBytes];
        Span<byte> result = target.AsSpan(0, transform.OutputBytes);
        transform.Apply(crop, source, resampler, result);
        if (crop.Flip)
            ImageTransform.FlipHorizontally(result, transform.Width);
    }

    static Crop Draw(int width, int height, ImageTransform transform, int number)
    {
        var random = new RandomSequence(1, (ulong)number);
        return transform.Draw(width, height, ref random);
    }

    static string FigureOf(string name) => $"loader/{name}";

    static void Report(string name, List<double> seconds) => Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
        $"{name,-28}{1e6 * Median(seconds),9:F1}{1e6 * seconds.Min(),9:F1}{1 / Median(seconds),17:F0}"));

    static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    static double PeerRate(string command, string folder)
    {
        var start = new ProcessStartInfo(command, [folder]) { RedirectStandardOutput = true };
        using var process = Process.Start(start)!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        var match = Rate().Match(output);
        if (process.ExitCode == 0 && match.Success)
            return double.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture);
        Console.Error.WriteLine($"{command} {folder} failed with exit code {process.ExitCode} and printed no 'images/s'");
        return double.NaN;
    }

    [GeneratedRegex("([0-9.]+) images/s")]
    private static partial Regex Rate();

    /// <summary>Something that is done with each of a number of images, and the processor time of one that each round took.</summary>
    sealed class Case(string name, int images, Action<int> action)
    {
        public string Name => name;

        public List<double> Seconds { get; } = [];

        /// <summary>Until the code is compiled for good.</summary>
        public void WarmUp()
        {
            for (var clock = Stopwatch.StartNew(); clock.Elapsed.TotalSeconds < WarmUpSeconds;)
                Pass();
        }

        public void Measure(Figures figures)
        {
            TimeSpan before = Environment.CpuUsage.TotalTime;
            Pass();
            Seconds.Add((Environment.CpuUsage.TotalTime - before).TotalSeconds / images);
            figures.Add(FigureOf(name), "s", [.. Seconds]);
        }

        void Pass()
        {
            for (int i = 0; i < images; i++)
                action(i);
        }
    }
}
