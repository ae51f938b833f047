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
        var grid = PerturbationCase.Grid([Maximize, Obf, ObfSoftmax, StudiedPerturbation.Random], [0.1, 0.2], [32, 8], [0, 1], [10, -1],
            [PerturbationForm.Plain]);
        Assert.That(grid.Count(static c => c.Kind == Maximize), Is.EqualTo(2 * 2));
        Assert.That(grid.Count(static c => c.Kind == Obf), Is.EqualTo(2 * 2 * 2 * 2));
        Assert.That(grid.Count(static c => c.Kind == ObfSoftmax), Is.EqualTo(2 * 2 * 2 * 2));
        Assert.That(grid.Where(static c => c.Kind == StudiedPerturbation.Random),
            Is.EqualTo(new PerturbationCase[] { new(StudiedPerturbation.Random, 0.1, 32), new(StudiedPerturbation.Random, 0.2, 32) }));
        Assert.That(PerturbationCase.Grid([Maximize], [0.1, 0.1], [8, 8], [1], [10], [PerturbationForm.Plain, PerturbationForm.Plain]),
            Has.Count.EqualTo(1));
    }

    /// <summary>η and the scaled parameters belong to ASAM, steps to what follows a gradient, and without a norm there is no before and
    /// after.</summary>
    [Test]
    public void FormsAreCombinedWhereTheyDiffer()
    {
        var options = new ForgettingOptions
        {
            ObfSteps = [1, 3],
            Asam = "off,before,after,both",
            AsamEta = [0, 0.01],
            AsamParams = "all,weight",
            PerturbParams = "all,norm",
        };
        var forms = PerturbationForm.Grid(options);
        Assert.That(forms, Has.Count.EqualTo(2 * (1 + (3 * 2 * 2)) * 2));
        Assert.That(PerturbationForm.Grid(options with { PerturbNorm = "none" }), Has.Count.EqualTo(2 * (1 + (2 * 2 * 2)) * 2));
        Assert.That(PerturbationForm.Grid(options with { PerturbNorm = "none,l2,none" }),
            Has.Count.EqualTo(2 * (2 + (3 * 2 * 2) + (2 * 2 * 2)) * 2));
        Assert.That(PerturbationForm.Grid(new ForgettingOptions()), Is.EqualTo(new[] { PerturbationForm.Plain }));
        Assert.That(PerturbationCase.Grid([StudiedPerturbation.Random], [0.1], [8], [1], [10], forms),
            Has.Count.EqualTo(forms.Count / 2).And.All.Matches<PerturbationCase>(static c => c.Form.Steps == 1));
    }

    [Test]
    public void NamesTellEverythingThatMatters()
    {
        Assert.That(new PerturbationCase(Obf, 1e-3, 64, 1e-12, -1).ToString(), Is.EqualTo("obf m 64 gamma 1E-12 C -1, rho 0.001"));
        Assert.That(new PerturbationCase(StudiedPerturbation.Random, 0.5, 64).ToString(), Is.EqualTo("rand, rho 0.5"));
        var form = new PerturbationForm(3, AsamPlace.Both, 0.01, AsamParameters.Weight, PerturbedParameters.Norm, PerturbationNorm.None);
        Assert.That(new PerturbationCase(Maximize, 2, 8) { Form = form }.ToString(),
            Is.EqualTo("maximize m 8 steps 3 asam both eta 0.01 of weight params norm not normalised, rho 2"));
        Assert.That(form.Fields, Is.EqualTo(new[] { "3", "both", "0.01", "weight", "norm", "none" }));
        Assert.That(PerturbationForm.Plain.Fields, Is.EqualTo(new[] { "1", "off", "", "", "all", "l2" }));
        Assert.That(PerturbationForm.Columns, Has.Count.EqualTo(6));
    }

    [TestCase("maximize,nonsense", "'nonsense' is not one of maximize, obf, obf-softmax, rand.")]
    [TestCase("maximise", "Did you mean 'maximize'?")]
    [TestCase(" , ", "names none of maximize, obf, obf-softmax, rand.")]
    [TestCase("friendly", "'friendly' averages the gradients of a run")]
    [TestCase("maximize,vasso", "'vasso' averages the gradients of a run")]
    [TestCase("momentum", "'momentum' follows the momentum of a run's optimizer")]
    [TestCase("gsam", "'gsam' changes what an update makes of the gradient")]
    [TestCase("asam", "use --asam both")]
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
        ("--obf-steps", new() { ObfSteps = [0] }), ("--obf-steps", new() { ObfSteps = [1, 2.5] }),
        ("--obf-steps", new() { ObfSteps = [1001] }), ("--obf-steps", new() { ObfSteps = [] }),
        ("--asam", new() { Asam = "on" }), ("--asam", new() { Asam = "" }), ("--asam-eta", new() { AsamEta = [0, -1] }),
        ("--asam-eta", new() { AsamEta = [double.PositiveInfinity] }), ("--asam-params", new() { AsamParams = "bias" }),
        ("--perturb-params", new() { PerturbParams = "all,head" }), ("--perturb-norm", new() { PerturbNorm = "l1" }),
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
        notes = new ForgettingOptions { Checkpoint = "x", Perturb = "rand", ObfSteps = [2], AsamEta = [0.1], AsamParams = "weight" }
            .RequireValid();
        Assert.That(notes.Select(static n => n.Option), Is.EqualTo(new[] { "--obf-steps", "--asam-eta", "--asam-params" }));
        notes = new ForgettingOptions { Checkpoint = "x", Model = "vit_small_patch32", BatchNorm = "batch" }.RequireValid();
        Assert.That(notes.Select(static n => n.Option), Is.EqualTo(new[] { "--batch-norm" }));
    }
}
