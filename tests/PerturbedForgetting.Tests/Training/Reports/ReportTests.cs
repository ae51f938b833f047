using System.Globalization;
using System.Text.Json;
using PerturbedForgetting.Tests.Training.Checkpoints;
using PerturbedForgetting.Training.Reports;
using SixLabors.ImageSharp;

namespace PerturbedForgetting.Tests.Training.Reports;

[TestFixture]
sealed class ReportTests : TempFolderFixture
{
    [Test]
    public void TheSummaryHasOneRowAnEpochWithThePointAsDecimalMark()
    {
        var culture = CultureInfo.CurrentCulture;
        var comma = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        comma.NumberFormat.NumberDecimalSeparator = ",";
        CultureInfo.CurrentCulture = comma;
        try
        {
            SummaryCsv.Write(folder["summary.csv"], [CheckpointSamples.Epoch(0), CheckpointSamples.Epoch(1, double.NaN)]);
        }
        finally
        {
            CultureInfo.CurrentCulture = culture;
        }
        string[] lines = File.ReadAllText(folder["summary.csv"]).Split('\n');
        Assert.Multiple(() =>
        {
            Assert.That(lines, Has.Length.EqualTo(4), "header, two rows, end of the last line");
            Assert.That(lines[0], Does.StartWith("epoch,lr,rho,train_loss,train_perturb_loss,"));
            Assert.That(lines[1], Is.EqualTo("0,0.1,0.05,1.5,-1.25,1.75,1.125,1,50.0000,90.0000,2.00,100.0,1.0,0"));
            Assert.That(lines[1].Count(c => c == ','), Is.EqualTo(lines[0].Count(c => c == ',')));
            Assert.That(lines[2], Does.StartWith("1,").And.Contain(",NaN,"));
        });
    }

    [TestCase(EvalMetric.Top1, 1)]
    [TestCase(EvalMetric.Loss, 0)]
    public void TheResultsListEveryEpochAndTheBest(EvalMetric metric, int best)
    {
        var epochs = new[] { CheckpointSamples.Epoch(0, 10, loss: 1), CheckpointSamples.Epoch(1, 30, loss: double.NaN),
            CheckpointSamples.Epoch(2, 20, loss: 2) };
        using var json = JsonDocument.Parse(ResultsJson.Build(epochs, metric));
        var root = json.RootElement;
        Assert.That(root.GetProperty("all").EnumerateArray().Select(e => e.GetProperty("epoch").GetInt32()), Is.EqualTo(new[] { 0, 1, 2 }));
        Assert.That(root.GetProperty("best").GetProperty("epoch").GetInt32(), Is.EqualTo(best));
        Assert.That(root.GetProperty("all")[1].GetProperty("validation").GetProperty("loss").ValueKind, Is.EqualTo(JsonValueKind.Null));
        Assert.That(root.GetProperty("all")[0].GetProperty("train").GetProperty("loss").GetDouble(), Is.EqualTo(1.5));
    }

    [Test]
    public void WithoutAnEpochThereIsNoBest()
    {
        using var json = JsonDocument.Parse(ResultsJson.Build([], EvalMetric.Top1));
        Assert.That(json.RootElement.GetProperty("best").ValueKind, Is.EqualTo(JsonValueKind.Null));
    }

    [TestCase(1)]
    [TestCase(12)]
    public void TheCurvesAreAPictureThatIsNotEmpty(int count)
    {
        var epochs = Enumerable.Range(0, count).Select(e => CheckpointSamples.Epoch(e, e == 3 ? double.NaN : 5 * e, 3.0 / (e + 1)));
        string path = folder["curves.png"];
        CurvesPlot.Write(path, "run ü", epochs.ToArray());
        using var image = Image.Load<SixLabors.ImageSharp.PixelFormats.Rgb24>(path);
        var colors = new HashSet<SixLabors.ImageSharp.PixelFormats.Rgb24>();
        image.ProcessPixelRows(rows =>
        {
            for (int y = 0; y < rows.Height; y++)
                foreach (var pixel in rows.GetRowSpan(y))
                    colors.Add(pixel);
        });
        Assert.That((image.Width, image.Height), Is.EqualTo((1200, 480)));
        Assert.That(colors, Has.Count.GreaterThan(20));
    }
}
