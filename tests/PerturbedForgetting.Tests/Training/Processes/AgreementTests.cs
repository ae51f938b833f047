using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Training.Processes;
using PerturbedForgetting.Vision.Datasets;

namespace PerturbedForgetting.Tests.Training.Processes;

/// <summary>Processes that were not started alike find out before the first step, and say who differs in what.</summary>
[TestFixture]
sealed class AgreementTests : TempFolderFixture
{
    static Dataset Open(string name, string root = "") => DatasetFactory.Open(name, root, "train", new DatasetOptions());

    /// <summary>The message of each of three ranks; null where it agrees.</summary>
    static string?[] Messages(Action<World> require) => ThreadWorld.Run(3, world =>
    {
        try
        {
            require(world);
            return null;
        }
        catch (DisagreementException e)
        {
            return e.Message;
        }
    });

    [Test]
    public void TheSameDataInAnotherPlaceAgree()
    {
        foreach (string root in (string[])["here", "there"])
            foreach (string image in (string[])["train/cat/1.png", "train/dog/2.png"])
                WriteImage($"{root}/{image}");
        Assert.That(Messages(world =>
        {
            using var set = Open("", folder[world.Rank == 1 ? "there" : "here"]);
            Agreement.RequireData(world, set, set);
        }), Is.All.Null);
    }

    /// <summary>An image more, another name, another class.</summary>
    [TestCase("train/cat/3.png"), TestCase("train/dog/3.png", "train/dog/2.png"), TestCase("train/cat/2.png", "train/dog/2.png")]
    public void OtherDataAreNamedWithTheRank(string other, string instead = "")
    {
        foreach (string image in (string[])["train/cat/1.png", "train/dog/1.png", "train/dog/2.png"])
        {
            WriteImage($"here/{image}");
            if (image != instead)
                WriteImage($"there/{image}");
        }
        WriteImage($"there/{other}");
        string?[] messages = Messages(world =>
        {
            using var set = Open("", folder[world.Rank == 2 ? "there" : "here"]);
            using var validation = Open("builtin/shapes:train=4,val=2,size=16");
            Agreement.RequireData(world, set, validation);
        });
        Assert.That(messages, Is.All.Contains("rank 2: data ").And.All.Contains("(there 3 images of 2 classes, hash ")
            .And.All.Not.Contains("validation").And.All.Not.Contains("rank 1"));
    }

    [Test]
    public void AnotherModelIsNamedWithItsRanks()
    {
        string?[] messages = Messages(world =>
            Agreement.RequireModel(world, new Sequential(new Linear(4, world.Rank == 0 ? 3 : 5), new Linear(world.Rank == 0 ? 3 : 5, 2))));
        Assert.That(messages, Is.All.Contains("ranks 1, 2: model 4 parameters, hash ").And.All.Contains("(there 4 parameters, hash "));
        Assert.That(Messages(static world => Agreement.RequireModel(world, new Linear(4, 3))), Is.All.Null);
    }

    [Test]
    public void WhatIsMissingHereOrThereIsSaid()
    {
        string?[] messages = Messages(static world => Agreement.Require(world,
            world.Rank == 1 ? [new Fact("b", "2"), new Fact("c", "")] : [new Fact("a", ""), new Fact("b", "2")]));
        Assert.That(messages, Is.All.Contains("rank 1: a missing (there \"\"), c (there missing)"));
    }

    void WriteImage(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(folder[path])!);
        File.WriteAllBytes(folder[path], [0]);
    }
}
