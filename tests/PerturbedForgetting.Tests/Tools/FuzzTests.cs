using PerturbedForgetting.Fuzz;

namespace PerturbedForgetting.Tests.Tools;

/// <summary>The fuzz program itself. CI runs it with ten thousand mutants of each format; here are so many that a reader which fails
/// often is seen.</summary>
public class FuzzTests
{
    static IReadOnlyList<string> Formats => FuzzTargets.Names;

    [TestCaseSource(nameof(Formats))]
    public void MutantsAreReadOrRefused(string format)
    {
        FuzzTarget target = FuzzTargets.Find(format);
        using var worker = new FuzzWorker(target, seed: 20);
        // Files are opened for each of containers.
        for (int number = 0; number < (target.IsContainer ? 40 : 250); number++)
            Assert.That(worker.Try(number), Is.Null);
    }

    /// <summary>Mutants that a reader once did not bear.</summary>
    [Test]
    public void MutantsThatWereFoundAreReadOrRefused([Values(1474, 2020, 4564, 4914, 5482, 5832, 6828, 10316, 10370, 12974)] int parquet)
    {
        using var worker = new FuzzWorker(FuzzTargets.Find("parquet"), seed: 20261129);
        Assert.That(worker.Try(parquet), Is.Null);
    }

    [TestCaseSource(nameof(Formats))]
    public void MutantsDependOnSeedAndNumberOnly(string format)
    {
        FuzzTarget target = FuzzTargets.Find(format), again = FuzzTargets.Find(format);
        byte[][] first = [.. Enumerable.Range(0, 50).Select(n => target.Mutant(3, n))];
        byte[][] second = [.. Enumerable.Range(0, 50).Reverse().Select(n => again.Mutant(3, n)).Reverse()];
        Assert.That(second, Is.EqualTo(first));
        Assert.That(first.Select(Convert.ToHexString).Distinct().Count(), Is.GreaterThan(25));
        Assert.That(Enumerable.Range(0, 50).Count(n => !first[n].SequenceEqual(target.Mutant(4, n))), Is.GreaterThan(25));
    }

    [Test]
    public void WhatAReaderMayNotDoIsFound()
    {
        Assert.That(Try(static _ => 0), Is.Null);
        Assert.That(Try(static _ => throw new IndexOutOfRangeException("far off"))?.What, Does.Contain("far off"));
        Assert.That(Try(static _ => new byte[80 << 20].Length & 1)?.What, Does.Contain("80 MB"));
        Assert.That(Try(static _ => new byte[80 << 20].Length / 40), Is.Null, "a byte of the image may take sixteen");
        Assert.That(Try(static _ => new byte[2 << 20].Length & 1), Is.Null);
        Assert.That(Try(static _ => new byte[2 << 20].Length & 1, isContainer: true)?.What, Does.Contain("2048 KB"));
        Assert.That(Try(static m => new byte[9 * m.Length + (1 << 20)].Length & 1, isContainer: true), Is.Null, "ten times its size");

        static Finding? Try(Func<byte[], long> read, bool isContainer = false)
        {
            byte[] seed = new byte[100_000];
            FuzzTarget target = new("planted", [seed], ByteMutator.Mutate, () => new Planted(read)) { IsContainer = isContainer };
            using var worker = new FuzzWorker(target, 1);
            return worker.Try(7);
        }
    }

    [Test]
    public void TheProgramRunsMutantsInAProcessOfTheirOwn()
    {
        var output = new StringWriter();
        Assert.That(App.Run(["--format", "json", "--count", "40", "--seed", "5"], output), Is.Zero, output.ToString());
        Assert.That(output.ToString(), Does.Contain("json: 40 mutants").And.Contain("0 findings"));
        Assert.That(App.Run(["--format", "odd"], output), Is.EqualTo(2));
    }

    sealed class Planted(Func<byte[], long> read) : FuzzReader
    {
        public override long Read(byte[] mutant) => read(mutant);
    }
}
