using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.RegularExpressions;
using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Tests.Vision;
using PerturbedForgetting.Training;
using PerturbedForgetting.Training.Answers;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Imaging;
using PerturbedForgetting.Vision.Loading;

namespace PerturbedForgetting.Tests.Training;

/// <summary>Predictions, records of an evaluation, and features, all of one small model.</summary>
[TestFixture]
sealed class AnswersTests : TrainedRunFixture
{
    const string Shapes = "builtin/shapes:train=56,val=20,size=16";

    string[] images = null!, classes = null!;

    [OneTimeSetUp]
    public void WriteImages()
    {
        using Dataset shapes = DatasetFactory.Open(Shapes, null, "validation");
        using var decoder = new ImageDecoder();
        Directory.CreateDirectory(folder["photos/inner"]);
        images = [.. Enumerable.Range(0, 7).Select(i => folder[i < 4 ? $"photos/{i}.png" : $"photos/inner/{i}.png"])];
        for (int i = 0; i < images.Length; i++)
            File.WriteAllBytes(images[i], shapes.Encoded(i, decoder).ToArray());
        classes = [.. shapes.Classes.Names];
    }

    PredictOptions Options(params string[] inputs) =>
        new() { Inputs = inputs, Checkpoint = Last, BatchSize = 3, Workers = 2, Format = AnswerFormat.Csv };

    static string Predict(PredictOptions options, RecordingObserver? observer = null)
    {
        var output = new StringWriter { NewLine = "\n" };
        Predictor.Run(options, output, observer ?? new RecordingObserver(), CancellationToken.None);
        return output.ToString();
    }

    /// <summary>Rows and fields; a comma within quotes belongs to its field.</summary>
    static string[][] Rows(string csv) => [.. csv.TrimEnd('\n').Split('\n').Select(l => Regex.Matches(l, "(?:^|,)(?:\"([^\"]*)\"|([^,]*))")
        .Select(m => m.Groups[1].Value + m.Groups[2].Value).ToArray())];

    static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);

    [Test]
    public void ImagesKeepTheOrderInWhichTheyAreNamed()
    {
        string[][] rows = Rows(Predict(Options(images[5], folder["photos"], images[2]) with { TopK = 2 }));
        Assert.That(rows[0], Is.EqualTo(new[] { "image", "predicted", "probability", "class_2", "probability_2" }));
        Assert.That(rows.Skip(1).Select(r => r[0]), Is.EqualTo((string[])[images[5], .. images, images[2]]));
        Assert.That(rows.Skip(1).Select(r => r[1]).Distinct(), Is.SubsetOf(classes));
        Assert.That(rows.Skip(1).Select(r => Number(r[2])), Is.All.InRange(0.1, 1));
        Assert.That(rows[1][1..], Is.EqualTo(rows[7][1..]), "the same image in another batch");
    }

    [Test]
    public void ProbabilitiesOfAllClassesAddUpToOne()
    {
        foreach (string[] row in Rows(Predict(Options(images) with { TopK = 100 })).Skip(1))
        {
            Assert.That(row, Has.Length.EqualTo(1 + 2 * classes.Length));
            double[] scores = [.. Enumerable.Range(0, classes.Length).Select(i => Number(row[2 + 2 * i]))];
            Assert.That(scores.Sum(), Is.EqualTo(1).Within(1e-4));
            Assert.That(scores, Is.Ordered.Descending);
        }
    }

    [Test]
    public void JsonAndTablesSayTheSame()
    {
        string[][] rows = Rows(Predict(Options(images) with { TopK = 1 }));
        using var json = JsonDocument.Parse(Predict(Options(images) with { Format = AnswerFormat.Json }));
        Assert.That(json.RootElement.EnumerateArray().Select(a => a.GetProperty("predictions")[0].GetProperty("class").GetString()),
            Is.EqualTo(rows.Skip(1).Select(r => r[1])));
        JsonElement first = json.RootElement[0];
        Assert.That(first.GetProperty("image").GetString(), Is.EqualTo(images[0]));
        Assert.That(first.GetProperty("predictions").GetArrayLength(), Is.EqualTo(5));
        Assert.That(classes[first.GetProperty("predictions")[0].GetProperty("index").GetInt32()], Is.EqualTo(rows[1][1]));
        double probability = first.GetProperty("predictions")[0].GetProperty("probability").GetDouble();
        Assert.That(Number(rows[1][2]), Is.EqualTo(probability).Within(1e-5));
        string table = Predict(Options(images[0]) with { Format = AnswerFormat.Table, TopK = 1 });
        Assert.That(table, Is.EqualTo(string.Create(CultureInfo.InvariantCulture,
            $" probability  class\n{images[0]}\n{100 * Number(rows[1][2]),10:F2} %  {rows[1][1]}\n")));
    }

    [Test]
    public void ABadImageStopsOrIsNamedAndTheOthersGoOn()
    {
        string bad = folder["bad.png"];
        File.WriteAllBytes(bad, File.ReadAllBytes(images[0])[..200]);
        string[] all = [images[0], bad, bad, images[1]];
        Assert.That(() => Predict(Options(all)), Throws.InstanceOf<ImageDecodeException>().With.Message.Contains("bad.png"));
        var observer = new RecordingObserver();
        string[][] rows = Rows(Predict(Options(all) with { BadImages = BadImagePolicy.Skip }, observer));
        Assert.That(rows.Skip(1).Select(r => r[0]), Is.EqualTo(new[] { images[0], images[1] }));
        Assert.That(observer.Messages.Count(m => m.Contains("bad.png")), Is.EqualTo(2));
        Assert.That(() => Predict(Options(bad) with { BadImages = BadImagePolicy.Skip }),
            Throws.InstanceOf<DatasetException>().With.Message.Contains("none of 1 image"));
        Assert.That(() => Predict(Options(images[0], folder["missing.png"])),
            Throws.InstanceOf<DatasetException>().With.Message.Contains("missing"));
    }

    [Test]
    public void AListNamesImages()
    {
        File.WriteAllText(folder["list.txt"], $"{images[3]}\r\n\n{images[1]}\n");
        Assert.That(Rows(Predict(Options(images[0]) with { List = folder["list.txt"] })).Skip(1).Select(r => r[0]),
            Is.EqualTo(new[] { images[0], images[3], images[1] }));
    }

    [Test]
    public void ModelsOfBinaryCrossEntropyGiveSigmoids()
    {
        var binary = ShortRun.Train(ShortRun.Options(folder.Path, "binary") with { BceLoss = true, Epochs = 1 });
        var observer = new RecordingObserver();
        string checkpoint = Path.Combine(binary.Folder, "last.safetensors");
        string[][] rows = Rows(Predict(Options(images[0]) with { Checkpoint = checkpoint, TopK = 100 }, observer));
        Assert.That(rows[0][2], Is.EqualTo("sigmoid"));
        Assert.That(observer.Messages, Has.Some.Contain("sigmoids"));
        Assert.That(Enumerable.Range(0, classes.Length).Sum(i => Number(rows[1][2 + 2 * i])), Is.Not.EqualTo(1).Within(1e-3));
        Assert.That(Rows(Predict(Options(images[0]) with { Checkpoint = checkpoint, Scores = "softmax" }))[0][2],
            Is.EqualTo("probability"));
    }

    [Test]
    public void AnswersGoToAFileWhole()
    {
        string path = folder["answers/a.csv"];
        Assert.That(Predict(Options(images) with { Out = path }), Is.Empty);
        Assert.That(File.ReadAllText(path), Is.EqualTo(Predict(Options(images))));
    }

    [Test]
    public void AnEvaluationWritesItsRecords()
    {
        var options = new ValidateOptions
        {
            Dataset = Shapes,
            Checkpoint = Last,
            BatchSize = 7,
            Workers = 0,
            TopK = 3,
            Predictions = folder["predictions.csv"],
            PerClass = folder["classes.csv"],
            Confusion = folder["confusion.png"],
        };
        var result = Validator.Run(options, new RecordingObserver(), CancellationToken.None);
        string[][] rows = Rows(File.ReadAllText(options.Predictions!)), perClass = Rows(File.ReadAllText(options.PerClass!)),
            matrix = Rows(File.ReadAllText(folder["confusion.csv"]));
        Assert.That(string.Join(',', rows[0]), Is.EqualTo("image,label,predicted,probability,class_2,probability_2,class_3,probability_3"));
        Assert.That(rows, Has.Length.EqualTo(21));
        int right = perClass.Skip(1).Sum(r => int.Parse(r[3], CultureInfo.InvariantCulture));
        Assert.That(100.0 * right / 20, Is.EqualTo(result.Metrics.Top1));
        Assert.That(perClass.Skip(1).Select(r => r[0]), Is.EqualTo(classes));
        Assert.That(perClass.Skip(1).Sum(r => int.Parse(r[2], CultureInfo.InvariantCulture)), Is.EqualTo(20));
        Assert.That(matrix.Skip(1).Sum(r => r.Skip(1).Sum(int.Parse)), Is.EqualTo(20));
        Assert.That(Enumerable.Range(0, classes.Length).Sum(i => int.Parse(matrix[1 + i][1 + i], CultureInfo.InvariantCulture)),
            Is.EqualTo(right));
        using var picture = TestImages.Decode(folder["confusion.png"]);
        Assert.That(picture.Width, Is.GreaterThan(480));
    }

    /// <summary>With as many classes as ImageNet each cell keeps a pixel.</summary>
    [Test]
    public void AMatrixOfAThousandClassesIsDrawn()
    {
        var matrix = new ConfusionMatrix(1000, new ClassNames(null));
        for (int c = 0; c < 1000; c++)
            for (int i = 0; i < 10; i++)
                matrix.Add(c, i < 7 ? c : (c * 31 + i) % 1000);
        matrix.Add(-1, 3);
        ConfusionPlot.Write(matrix, "a thousand", folder["thousand.png"]);
        using var picture = TestImages.Decode(folder["thousand.png"]);
        Assert.That((picture.Width, picture.Height), Is.EqualTo((1300, 1200)));
        Assert.That((matrix.Images(5), matrix[5, 5], matrix.MostTakenFor(5)!.Value.Count), Is.EqualTo((10, 7, 1)));
    }

    [Test]
    public void FeaturesAreWhatTheLastLayerSees()
    {
        var options = new FeaturesOptions
        {
            Dataset = Shapes,
            Checkpoint = Last,
            BatchSize = 7,
            Workers = 0,
            Out = folder["f.safetensors"]
        };
        var size = FeatureExtractor.Run(options, new RecordingObserver(), CancellationToken.None);
        Assert.That(size.Images, Is.EqualTo(20));
        using var file = SafetensorsFile.Open(options.Out!);
        Assert.That(file.Entry("features").Shape.ToArray(), Is.EqualTo(new long[] { 20, size.Features }));
        var features = new float[20 * size.Features];
        file.Entry("features").ReadFloat32(features);
        byte[] labels = new byte[20 * sizeof(long)];
        file.Entry("labels").Read(labels);
        Assert.That(MemoryMarshal.Cast<byte, long>(labels).ToArray(), Is.EqualTo(Enumerable.Range(0, 20).Select(i => (long)(i % 10))));
        string[][] names = Rows(File.ReadAllText(folder["f.csv"]));
        Assert.That(string.Join(',', names[0]), Is.EqualTo("image,label,class"));
        Assert.That(names[3][^2..], Is.EqualTo(new[] { "2", classes[2] }));

        // The last layer makes of them what predict says.
        using var checkpoint = SafetensorsFile.Open(Last);
        float[] weight = Read(checkpoint, "fc.weight"), bias = Read(checkpoint, "fc.bias");
        string[][] answers = Rows(Predict(Options(images) with { TopK = 1 }));
        for (int image = 0; image < images.Length; image++)
        {
            float[] logits = [.. Enumerable.Range(0, classes.Length).Select(c => bias[c]
                + Enumerable.Range(0, size.Features).Sum(f => weight[c * size.Features + f] * features[image * size.Features + f]))];
            Assert.That(classes[ClassScores.Best(logits)], Is.EqualTo(answers[1 + image][1]), $"image {image}");
        }

        static float[] Read(SafetensorsFile file, string name)
        {
            var values = new float[file.Entry(name).Count];
            file.Entry(name).ReadFloat32(values);
            return values;
        }
    }

    [Test]
    public void FeaturesOfNamedImagesAreNumPyArrays()
    {
        var options = new FeaturesOptions { Inputs = [folder["photos"]], Checkpoint = Last, Workers = 0, Out = folder["g.npy"] };
        var size = FeatureExtractor.Run(options, new RecordingObserver(), CancellationToken.None);
        byte[] npy = File.ReadAllBytes(options.Out!);
        string header = System.Text.Encoding.ASCII.GetString(npy, 10, BitConverter.ToUInt16(npy, 8));
        Assert.That(npy.AsSpan(0, 8).ToArray(), Is.EqualTo(new byte[] { 0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 1, 0 }));
        Assert.That((10 + header.Length) % 64, Is.Zero);
        Assert.That(header, Does.StartWith(
            $"{{'descr': '<f4', 'fortran_order': False, 'shape': (7, {size.Features}), }}").And.EndsWith("\n"));
        Assert.That(npy, Has.Length.EqualTo(10 + header.Length + sizeof(float) * 7 * size.Features));
        Assert.That(Rows(File.ReadAllText(folder["g.csv"])).Select(r => r[0]), Is.EqualTo((string[])["image", .. images]));
        Assert.That(Directory.GetFiles(folder.Path, ".pf-*"), Is.Empty);
        Assert.That(() => FeatureExtractor.Run(options with { Out = folder["g.txt"] }, new RecordingObserver(), CancellationToken.None),
            Throws.InstanceOf<OptionException>().With.Message.Contains(".npy"));
    }
}
