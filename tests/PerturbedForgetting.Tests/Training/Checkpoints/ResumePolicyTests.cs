using System.Text.Json.Nodes;
using PerturbedForgetting.Training.Checkpoints;

namespace PerturbedForgetting.Tests.Training.Checkpoints;

[TestFixture]
sealed class ResumePolicyTests
{
    static IReadOnlyList<ResumeChange> Compare(string old, string now, bool withinEpoch = false) =>
        ResumePolicy.Compare(JsonNode.Parse(old)!.AsObject(), JsonNode.Parse(now)!.AsObject(), withinEpoch);

    [Test]
    public void EqualOptionsAreNotListed() =>
        Assert.That(Compare("""{"lr":0.1,"scale":[0.05,1],"model":"a"}""", """{"scale":[0.05,1.0],"model":"a","lr":1e-1}"""), Is.Empty);

    /// <summary>A new learning rate is used, and both values are shown.</summary>
    [TestCase(true)]
    [TestCase(false)]
    public void ANewLearningRateIsUsedAndShown(bool withinEpoch)
    {
        var change = Compare("""{"lr":0.1}""", """{"lr":0.01}""", withinEpoch).Single();
        Assert.That((change.Old, change.New, change.Refusal), Is.EqualTo(("0.1", "0.01", (string?)null)));
        Assert.That(change.ToString(), Does.StartWith("--lr: 0.1 -> 0.01 (used: the schedule"));
    }

    /// <summary>Another number of epochs bends the schedule, and the warning says so.</summary>
    [Test]
    public void AnotherNumberOfEpochsIsAWarning() =>
        Assert.That(Compare("""{"epochs":10}""", """{"epochs":20}""").Single().ToString(),
            Does.Contain("10 -> 20").And.Contain("warning").And.Contain("schedule"));

    [TestCase("model", "\"resnet18\"", "\"resnet20\"")]
    [TestCase("num-classes", "10", "5")]
    [TestCase("gp", "null", "\"avg\"")]
    [TestCase("opt", "\"sgd\"", "\"adamw\"")]
    [TestCase("opt", "\"sam_adamw\"", "\"sam_sgdw\"")]
    public void WhatTheWeightsOrTheStateHangOnIsRefused(string name, string old, string now)
    {
        var change = Compare($$"""{"{{name}}":{{old}}}""", $$"""{"{{name}}":{{now}}}""").Single();
        Assert.That(change.Refusal, Is.Not.Null.And.Contains("start a new run"));
    }

    [TestCase("\"sgd\"", "\"sam_sgdw\"")]
    [TestCase("\"adamw\"", "\"randsam_adamw\"")]
    public void AnotherOptimizerWithTheSameStateIsUsed(string old, string now) =>
        Assert.That(Compare($$"""{"opt":{{old}}}""", $$"""{"opt":{{now}}}""").Single().Refusal, Is.Null);

    [TestCase("batch-size", "8", "16")]
    [TestCase("seed", "1", "2")]
    [TestCase("grad-accum-steps", "1", "2")]
    public void WhatTheRestOfAnEpochHangsOnChangesOnlyBetweenEpochs(string name, string old, string now)
    {
        string before = $$"""{"{{name}}":{{old}}}""", after = $$"""{"{{name}}":{{now}}}""";
        Assert.That(Compare(before, after, withinEpoch: true).Single().Refusal, Does.Contain("--start-epoch"));
        Assert.That(Compare(before, after).Single().Refusal, Is.Null);
    }

    [Test]
    public void AnOptionThatOneSideDoesNotKnowIsListed() =>
        Assert.That(Compare("""{"old":1}""", """{"new":2,"none":null}""").Select(c => c.ToString()),
            Is.EqualTo(new[] { "--new: none -> 2 (used: from the next update on)", "--old: 1 -> none (used: from the next update on)" }));

    [Test]
    public void WhereARunLiesIsNotCompared() =>
        Assert.That(Compare("""{"output":"a","experiment":"x","resume":""}""",
            """{"output":"b","experiment":"y","resume":"auto"}"""), Is.Empty);
}
