using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Datasets.Tfds;

namespace PerturbedForgetting.Tests.Vision.Tfds;

/// <summary>Splits as TFDS reads them; the expected records are what its rules give by hand.</summary>
public class SplitExpressionTests
{
    static readonly TfdsSplit[] splits =
        [new("train", [40, 40, 25]), new("validation", [10]), new("test", [15, 0]), new("extra-1", [1])];

    static IEnumerable<string> Parts(string expression, TfdsSplit[]? of = null) =>
        SplitExpression.Resolve(expression, of ?? splits, "tfds/toy", []).Select(p => $"{p.Split.Name} {p.From}..{p.To}");

    [TestCase("train", "train 0..105")]
    [TestCase("train[:8]", "train 0..8")]
    [TestCase("train[100:]", "train 100..105")]
    [TestCase("train[-5:]", "train 100..105")]
    [TestCase("train[10:-5]", "train 10..100")]
    [TestCase("train[1_0:2_0]", "train 10..20")]
    [TestCase("train[:50%]", "train 0..52", Description = "52.5 rounds to the even number")]
    [TestCase("train[:10%]", "train 0..10", Description = "10.5")]
    [TestCase("train[:30%]", "train 0..32", Description = "31.5")]
    [TestCase("train[10%:]", "train 10..105")]
    [TestCase("train[-10%:]", "train 95..105")]
    [TestCase("train[33%:66%]", "train 35..69")]
    [TestCase("train[1shard]", "train 40..80")]
    [TestCase("train[-1shard]", "train 80..105")]
    [TestCase("train[:2shard]", "train 0..80")]
    [TestCase("train[-2shard:]", "train 40..105")]
    [TestCase("train[:-1shard]", "train 0..80")]
    [TestCase("train+test", "train 0..105|test 0..15")]
    [TestCase("train[:1] + validation[5:] +test", "train 0..1|validation 5..10|test 0..15")]
    [TestCase("train[:1]+train[:1]", "train 0..1|train 0..1")]
    [TestCase("all", "train 0..105|validation 0..10|test 0..15|extra-1 0..1")]
    [TestCase("extra-1", "extra-1 0..1")]
    [TestCase("val", "validation 0..10")]
    public void RecordsAreThoseOfTfds(string expression, string parts) =>
        Assert.That(string.Join('|', Parts(expression)), Is.EqualTo(parts));

    [Test]
    public void AMissingSplitIsLookedForUnderItsSynonyms()
    {
        List<string> notes = [];
        Assert.That(SplitExpression.Resolve("validation[:50%]", [splits[2]], "tfds/toy", notes).Single().To, Is.EqualTo(8));
        Assert.That(notes.Single(), Does.Contain("no split 'validation'; 'test' is used"));
        Assert.That(Assert.Throws<DatasetException>(() => Parts("test", [splits[1]]))!.Message,
            Does.Contain("it has 'validation' of 10 records"));
    }

    [TestCase("nothing", "no split 'nothing'")]
    [TestCase("", "'' is no part of a split")]
    [TestCase("train+", "'' is no part of a split")]
    [TestCase("train[", "'train[' is no part")]
    [TestCase("train[5]", "no part of a split")]
    [TestCase("train[5%]", "no part of a split")]
    [TestCase("train[:]", "neither a beginning nor an end")]
    [TestCase("train[::2]", "no part of a split")]
    [TestCase("train[:0.5%]", "no part of a split")]
    [TestCase("train[:10foo]", "no part of a split")]
    [TestCase("train[10:50%]", "both ends")]
    [TestCase("train[:101%]", "not within -100% and 100%")]
    [TestCase("train[:106]", "has 105 records only")]
    [TestCase("train[:-106]", "has 105 records only")]
    [TestCase("train[:4shard]", "has 3 shards only")]
    [TestCase("train[3shard]", "has 3 shards only")]
    [TestCase("train[:99999999999]", "no number that a split can have")]
    [TestCase("train[:_]", "no number")]
    [TestCase("train[5:5]", "no record in it")]
    [TestCase("train[9:5]", "no record in it")]
    public void WrongExpressionsAreRefused(string expression, string why)
    {
        DatasetException e = Assert.Throws<DatasetException>(() => Parts(expression))!;
        Assert.That(e.Message, Does.Contain(why));
        Assert.That(e.WrongOption);
    }

    [TestCase("train[:8]", 8)]
    [TestCase("train[10:20]", 10)]
    [TestCase("train[20:]", 10)]
    [TestCase("train[50%:]+test[:1]", 16)]
    [TestCase("train[1shard]+train[:1shard]", 30)]
    public void PartsOfPreparedSetsAreRead(string expression, int count)
    {
        using Dataset whole = PreparedSets.Open("cifar10", "all"), data = PreparedSets.Open("cifar10", expression);
        Assert.That(data.Count, Is.EqualTo(count));
        string[] all = [.. Enumerable.Range(0, whole.Count).Select(whole.ImageName)];
        for (int i = 0; i < count; i++)
        {
            int same = Array.IndexOf(all, data.ImageName(i));
            Assert.That((data.Label(i), PreparedSets.Pixels(data, i)), Is.EqualTo((whole.Label(same), PreparedSets.Pixels(whole, same))));
        }
    }
}
