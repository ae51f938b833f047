using System.Text.Json;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Tests.Vision.Tfds;
using PerturbedForgetting.Training;
using PerturbedForgetting.Training.Evaluation;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Progress;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Loading;
using PerturbedForgetting.Vision.Transforms;

namespace PerturbedForgetting.Tests.Training.Evaluation;

/// <summary>The scores that sets for models of ImageNet have, of answers that are known.</summary>
public class ScoredEvaluationTests
{
    const int Classes = 1000;

    [Test]
    public void RenditionsAreCountedAmongAllClassesAndAmongTheirOwn()
    {
        using Dataset data = PreparedSets.Open("imagenet_r", "test");
        // The labels are 1, 2, 988, 4; 0 and 3 are none of the 200 classes, 6 and 8 are.
        IReadOnlyList<AccuracyScore> scores = Scores(data, [[1], [0, 3, 2], [0, 3, 5, 7, 10, 988], [6, 8, 11, 13, 22, 4]]);
        Assert.That(scores.Select(s => (s.Name, s.Images, s.Top1, s.Top5)),
            Is.EqualTo(new[] { ("imagenet_r", 4L, 25.0, 50.0), ("imagenet_r_200", 4L, 75.0, 75.0) }));
        Assert.That(scores.Select(s => s.Title),
            Is.EqualTo(new[] { "ImageNet-R, among all 1000 classes", "ImageNet-R, among its 200 classes" }));
    }

    [Test]
    public void AdversarialImagesToo()
    {
        using Dataset data = PreparedSets.Open("imagenet_a", "test");
        // The labels are 6, 11, 988.
        IReadOnlyList<AccuracyScore> scores = Scores(data, [[5, 6], [11], [987, 988]]);
        Assert.That(scores.Select(s => (s.Name, s.Images, s.Top1, s.Top5)),
            Is.EqualTo(new[] { ("imagenet_a", 3L, 100.0 / 3, 100.0), ("imagenet_a_200", 3L, 200.0 / 3, 100.0) }));
    }

    [Test]
    public void AnyOfSeveralLabelsIsRightAndImagesWithoutDoNotCount([Values(1, 5)] int batch)
    {
        using Dataset data = PreparedSets.Open("imagenet2012_real", "validation");
        // The labels are none; 970, 795; 230, 231; 809; 516, 850. The original label is the last of them.
        IReadOnlyList<AccuracyScore> scores = Scores(data, [[data.Label(0)], [970], [231], [1, 2, 3, 4, 5, 809], [1, 516]], batch);
        Assert.That(scores.Select(s => (s.Name, s.Images, s.Top1, s.Top5)), Is.EqualTo(new[]
        {
            ("imagenet2012_real", 4L, 50.0, 75.0), ("imagenet2012_real_original", 5L, 40.0, 40.0),
        }));
    }

    [TestCase("imagenet_v2/matched-frequency", "ImageNet-V2 (matched frequency)")]
    [TestCase("imagenet_v2/threshold-0.7", "ImageNet-V2 (threshold 0.7)")]
    [TestCase("imagenet_v2/topimages", "ImageNet-V2 (top images)")]
    [TestCase("imagenet_sketch", "ImageNet-Sketch")]
    public void OtherSetsHaveOneScore(string set, string title)
    {
        using Dataset data = PreparedSets.Open(set, "test");
        Assert.That(data.Scores, Is.EqualTo(new[] { new DatasetScore(set, title) }));
    }

    [Test]
    public void ScoresArePrintedWithTheirNames()
    {
        var messages = new RecordingObserver();
        ValidateOptions options = new()
        {
            Dataset = "tfds/imagenet_r",
            DataDir = PreparedSets.Root,
            Split = "test",
            Model = "resnet20",
            ImgSize = 16,
            BatchSize = 3,
            Workers = 0,
        };
        ValidationResult result = Validator.Run(options, messages, CancellationToken.None);
        Assert.That(messages.Messages, Has.Some.StartsWith("ImageNet-R, among all 1000 classes: top-1 ")
            .And.Some.StartsWith("ImageNet-R, among its 200 classes: top-1 ").And.Some.EndsWith("% of 4 images"));
        JsonElement json = JsonDocument.Parse(result.Json).RootElement;
        JsonElement scores = json.GetProperty("scores");
        Assert.That(scores.EnumerateObject().Select(s => s.Name), Is.EqualTo(new[] { "imagenet_r", "imagenet_r_200" }));
        Assert.That(scores.GetProperty("imagenet_r").GetProperty("top1").GetDouble(), Is.EqualTo(json.GetProperty("top1").GetDouble()));
    }

    /// <summary>The scores of a model that gives each image its answers, the best first.</summary>
    static IReadOnlyList<AccuracyScore> Scores(Dataset data, int[][] answers, int batch = 100)
    {
        var logits = new float[data.Count * Classes];
        for (int i = 0; i < data.Count; i++)
        {
            for (int rank = 0; rank < answers[i].Length; rank++)
                logits[i * Classes + answers[i][rank]] = 10 - rank;
        }
        var normalization = new Normalization([0.5, 0.5, 0.5], [0.5, 0.5, 0.5]);
        using var loader = new ImageLoader(data, new EvalTransform(8, 8, 1, Interpolation.Bilinear), LoaderOptions.Evaluation(batch, 0));
        using var values = Tensor.Persistent([data.Count, Classes]).CopyFrom<float>(logits);
        var evaluator = new Evaluator(new Answers(values), loader, normalization, Classes, 1);
        var metrics = evaluator.Run(NullObserver.Instance, CancellationToken.None)!;
        Assert.That((metrics.Top1, metrics.Top5), Is.EqualTo((evaluator.Scores[0].Top1, evaluator.Scores[0].Top5)));
        return evaluator.Scores;
    }

    sealed class Answers : Module
    {
        readonly Parameter logits;
        int next;

        public Answers(Tensor values) => logits = Register("logits", new Parameter(values));

        protected override Tensor Forward(Tensor x)
        {
            Tensor rows = ((Tensor)logits).Rows(next, x.Shape[0]);
            next += x.Shape[0];
            return Ops.Scale(rows, 1);
        }
    }
}
