using PerturbedForgetting.Training.Forgetting;
using PerturbedForgetting.Training.Options;
using static PerturbedForgetting.Training.Options.StudiedPerturbation;

namespace PerturbedForgetting.Tests.Training.Forgetting;

[TestFixture]
[Parallelizable]
sealed class PerturbationCaseTests
{
    [Test]
    public void TheGridHasEveryCombinationThatDiffers()
    {
        var grid = PerturbationCase.Grid([Maximize, Obf, ObfSoftmax, StudiedPerturbation.Random], [0.1, 0.2], [32, 8], [0, 1], [10, -1]);
        Assert.That(grid.Count(static c => c.Kind == Maximize), Is.EqualTo(2 * 2));
        Assert.That(grid.Count(static c => c.Kind == Obf), Is.EqualTo(2 * 2 * 2 * 2));
        Assert.That(grid.Count(static c => c.Kind == ObfSoftmax), Is.EqualTo(2 * 2 * 2 * 2));
        Assert.That(grid.Where(static c => c.Kind == StudiedPerturbation.Random),
            Is.EqualTo(new PerturbationCase[] { new(StudiedPerturbation.Random, 0.1, 32), new(StudiedPerturbation.Random, 0.2, 32) }));
        Assert.That(PerturbationCase.Grid([Maximize], [0.1, 0.1], [8, 8], [1], [10]), Has.Count.EqualTo(1));
    }

    [Test]
    public void NamesTellEverythingThatMatters()
    {
        Assert.That(new PerturbationCase(Obf, 1e-3, 64, 1e-12, -1).ToString(), Is.EqualTo("obf m 64 gamma 1E-12 C -1, rho 0.001"));
        Assert.That(new PerturbationCase(StudiedPerturbation.Random, 0.5, 64).ToString(), Is.EqualTo("rand, rho 0.5"));
    }

    [TestCase("maximize,nonsense", "'nonsense' is not one of maximize, obf, obf-softmax, rand.")]
    [TestCase(" , ", "names no perturbation.")]
    public void AWrongKindIsNamed(string kinds, string message) =>
        Assert.That(() => new ForgettingOptions { Checkpoint = "x", Perturb = kinds }.RequireValid(),
            Throws.InstanceOf<OptionException>().With.Message.Contains(message));

    static IEnumerable<TestCaseData> WrongNumbers => new (string Option, ForgettingOptions Options)[]
    {
        ("--rho", new() { Rho = [0.1, -1] }), ("--rho", new() { Rho = [] }), ("--rho", new() { Rho = [double.NaN] }),
        ("--sharpness-m", new() { SharpnessM = [2.5] }), ("--sharpness-m", new() { SharpnessM = [0] }),
        ("--sharpness-m", new() { SharpnessM = [1e12] }), ("--obf-gamma", new() { ObfGamma = [1.5] }),
        ("--obf-C", new() { ObfC = [1] }), ("--obf-C", new() { ObfC = [] }), ("--images", new() { Images = -1 }),
        ("--perturbations", new() { Perturbations = 0 }), ("--out", new() { Out = " " }),
    }.Select(static (c, i) => new TestCaseData(c.Options, c.Option).SetArgDisplayNames($"{i}", c.Option));

    [TestCaseSource(nameof(WrongNumbers))]
    public void AWrongNumberIsNamed(ForgettingOptions options, string option) =>
        Assert.That(() => (options with { Checkpoint = "x" }).RequireValid(),
            Throws.InstanceOf<OptionException>().With.Message.Contains(option));

    [Test]
    public void WhatDoesNothingIsSaid()
    {
        var notes = new ForgettingOptions { Checkpoint = "x", Perturb = "rand", ObfGamma = [0.5], ObfC = [7] }.RequireValid();
        Assert.That(notes.Select(static n => n.Option), Is.EqualTo(new[] { "--obf-gamma", "--obf-C" }));
        notes = new ForgettingOptions { Checkpoint = "x", Model = "vit_small_patch32", BatchNorm = "batch" }.RequireValid();
        Assert.That(notes.Select(static n => n.Option), Is.EqualTo(new[] { "--batch-norm" }));
    }
}
