using CsCheck;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Tests.Training.Options;

[TestFixture]
sealed class OptionValueTests
{
    [TestCase("1", 1L)]
    [TestCase("-7", -7L)]
    [TestCase("1.0", 1.0)]
    [TestCase("1e-3", 1e-3)]
    [TestCase("True", true)]
    [TestCase("false", false)]
    [TestCase("None", null)]
    [TestCase("avg", "avg")]
    [TestCase("'1'", "1")]
    [TestCase("\"a, b\"", "a, b")]
    [TestCase("", "")]
    [TestCase("1e999", "1e999")]
    [TestCase("a=b=c", "a=b=c")]
    [TestCase("__import__('os').system('x')", "__import__('os').system('x')")]
    public void AModelArgumentIsReadAsWhatItLooksLike(string text, object? expected)
    {
        IReadOnlyDictionary<string, object?> pairs = Pairs("key=" + text);
        Assert.That(pairs["key"], Is.EqualTo(expected));
        if (expected is not null)
            Assert.That(pairs["key"], Is.TypeOf(expected.GetType()));
    }

    [Test]
    public void ListsAndTuplesAreRead()
    {
        Assert.That(Pairs("layers=[2,2, 2,2]")["layers"], Is.EqualTo(new object?[] { 2L, 2L, 2L, 2L }));
        Assert.That(Pairs("x=(3,)")["x"], Is.EqualTo(new object?[] { 3L }));
        Assert.That(Pairs("x=[]")["x"], Is.EqualTo(Array.Empty<object?>()));
        Assert.That(Pairs("x=[[1,'a,]'],(True,2.5)]")["x"],
            Is.EqualTo(new object?[] { new object?[] { 1L, "a,]" }, new object?[] { true, 2.5 } }));
    }

    [TestCase("x=[1,")]
    [TestCase("x=[")]
    [TestCase("x=[1)")]
    [TestCase("x=[[1]")]
    [TestCase("x=['a]")]
    [TestCase("x=[[[[[[[[[[[[1]]]]]]]]]]]]")]
    [TestCase("noequals")]
    [TestCase("=1")]
    public void AMalformedArgumentIsAnOptionError(string text) =>
        Assert.That(() => Pairs(text), Throws.TypeOf<OptionException>().With.Message.StartsWith("--model-kwargs"));

    [Test]
    public void AnyTextIsReadOrRefused() => Gen.String[Gen.Char["[](),'\" =1.eTrueNone-"], 0, 20].Sample(text =>
    {
        try
        {
            Pairs("k=" + text);
        }
        catch (OptionException)
        {
        }
    });

    [Test]
    public void WhatIsShownIsReadBack() => Gen.String[Gen.Char["[](),' =1.eTrueNone-"], 0, 8].Where(t => !t.Contains('\'')).Sample(text =>
    {
        string shown = PythonLiteral.Format(text);
        return (string?)PythonLiteral.Parse(shown) == text;
    });

    [TestCase("--lr", "0.1", 0.1)]
    [TestCase("--lr", "1e-4", 1e-4)]
    [TestCase("--lr", "-5", -5.0)]
    [TestCase("--seed", "-3", -3)]
    [TestCase("--model", "resnet50.a1_in1k", "resnet50.a1_in1k")]
    public void ASingleValueIsRead(string option, string text, object expected) =>
        Assert.That(OptionValue.Parse(OptionTables.Train.Find(option)!, [text]), Is.EqualTo(expected).And.TypeOf(expected.GetType()));

    [TestCase("--lr", "0,1")]
    [TestCase("--lr", "nan")]
    [TestCase("--lr", "1e999")]
    [TestCase("--lr", "")]
    [TestCase("--seed", "1.0")]
    [TestCase("--seed", "3000000000")]
    [TestCase("--seed", "0x10")]
    public void AWrongNumberIsRefusedShowingIt(string option, string text) =>
        Assert.That(() => OptionValue.Parse(OptionTables.Train.Find(option)!, [text]),
            Throws.TypeOf<OptionException>().With.Message.Contains($"'{text}'"));

    [TestCase("--batchsize", "--batch-size")]
    [TestCase("--lrr", "--lr")]
    [TestCase("--rho_policy", "--rho-policy")]
    [TestCase("--obfc", "--obf-C")]
    [TestCase("--warmup", "--warmup-lr")]
    public void TheNearestNamesAreSuggested(string typed, string expected) =>
        Assert.That(Suggestions.DidYouMean(typed, OptionTables.Train.Specs.Select(s => s.Flag)), Does.Contain(expected));

    [Test]
    public void NothingIsSuggestedForNonsense() =>
        Assert.That(Suggestions.DidYouMean("--xyzzyplugh", OptionTables.Train.Specs.Select(s => s.Flag)), Is.Empty);

    static IReadOnlyDictionary<string, object?> Pairs(string text) =>
        (IReadOnlyDictionary<string, object?>)OptionValue.Parse(OptionTables.Train.Find("model-kwargs")!, [text]);
}
