using PerturbedForgetting.Training.Evaluation;

namespace PerturbedForgetting.Tests.Training;

[TestFixture]
sealed class BiasTableTests
{
    [TestCase(new[] { 3.0, 4, 5 }, "higher")]
    [TestCase(new[] { -3.0, -4, -5 }, "lower")]
    [TestCase(new[] { 1.0, 4, 9 }, "do not tell")]
    [TestCase(new[] { 9.0, 9, -0.5 }, "do not tell")]
    [TestCase(new[] { 0.0, 0, 0 }, "do not tell")]
    public void SeedsTellTwoApartOrNot(double[] differences, string words) =>
        Assert.That(BiasTable.Verdict(differences), Does.Contain(words));

    [Test]
    public void MeansSpreadsAndPairsAreWorkedOut()
    {
        List<BackgroundBias> plain = [new(90, 50, 20, (100, 900)), new(92, 54, 18, (100, 900)), new(94, 58, 16, (100, 900))];
        List<BackgroundBias> other = [new(91, 56, 20, (100, 900)), new(93, 58, 18, (100, 900)), new(95, 63, 16, (100, 900))];
        string[] lines = [.. BiasTable.Lines([("sgdw", plain), ("sam_sgdw", other)], 7)];
        Assert.That(lines[0], Does.Contain("3 seeds (7 to 9)").And.Contain("300 images").And.Contain("2700 whose"));
        Assert.That(lines[1],
            Does.StartWith("  sgdw      background agrees 92.0 ± 2.0 %, contradicts 54.0 ± 4.0 %, gap 38.0 ± 2.0 points"));
        Assert.That(lines[3], Does.Contain("contradicting backgrounds +5.0 ± 1.0 points (better in 3 of 3), gap -4.0 ± 1.0 points "
            + "(smaller in 3 of 3). Its accuracy there is higher"));
    }
}
