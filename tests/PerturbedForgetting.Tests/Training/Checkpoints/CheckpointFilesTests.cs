using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Training.Checkpoints;

namespace PerturbedForgetting.Tests.Training.Checkpoints;

[TestFixture]
sealed class CheckpointFilesTests : TempFolderFixture
{
    string Last => folder["last.safetensors"];

    [Test]
    public void StateAndModelComeBackUnchanged()
    {
        var state = CheckpointSamples.State(epoch: 2, batch: 3, update: 11);
        CheckpointSamples.Save(Last, state, 1.5f);
        using var checkpoint = CheckpointFiles.OpenForResume(Last);
        Assert.Multiple(() =>
        {
            Assert.That(checkpoint.State with
            {
                Info = state.Info,
                DropoutCalls = state.DropoutCalls,
                Epochs = state.Epochs,
                Kept = state.Kept,
                Logs = state.Logs,
            }, Is.EqualTo(state));
            Assert.That(checkpoint.State.DropoutCalls, Is.EqualTo(state.DropoutCalls));
            Assert.That(checkpoint.State.Epochs, Is.EqualTo(state.Epochs), "NaN included");
            Assert.That(checkpoint.State.Kept, Is.EqualTo(state.Kept));
            Assert.That(checkpoint.State.Logs, Is.EqualTo(state.Logs));
            Assert.That(checkpoint.State.Info.Classes, Is.EqualTo(state.Info.Classes));
            Assert.That(checkpoint.State.Info.Options.ToJsonString(), Is.EqualTo("""{"lr":0.1}"""));
            Assert.That(CheckpointSamples.Weight(checkpoint), Is.EqualTo(1.5f));
            Assert.That(checkpoint.Model.Names, Is.EqualTo(new[] { "w" }), "the model file holds the model alone");
        });
    }

    [TestCase("last")]
    [TestCase("last.safetensors")]
    [TestCase("last.state.safetensors")]
    public void ACheckpointIsFoundByAnyOfItsNames(string name)
    {
        CheckpointSamples.Save(Last, CheckpointSamples.State(), 3);
        using var checkpoint = CheckpointFiles.OpenForResume(folder[name]);
        Assert.That(CheckpointSamples.Weight(checkpoint), Is.EqualTo(3));
    }

    /// <summary>A writer that dies at any point leaves the old checkpoint or the new one, never a mixture.</summary>
    [Test]
    public void InterruptedAtEveryPointACheckpointIsOldOrNewAndWhole()
    {
        CheckpointSamples.Save(Last, CheckpointSamples.State(update: 2), 2);
        byte[] newModel = File.ReadAllBytes(Last), newState = File.ReadAllBytes(CheckpointFiles.StatePath(Last));
        CheckpointSamples.Save(Last, CheckpointSamples.State(update: 1), 1);
        string fresh = folder["last.new.safetensors"];

        File.WriteAllBytes(fresh, newModel);
        Assert.That(Read(), Is.EqualTo((1L, 1f)), "killed before the state was replaced");
        File.WriteAllBytes(CheckpointFiles.StatePath(Last), newState);
        Assert.That(Read(), Is.EqualTo((2L, 2f)), "killed before the model was renamed");
        File.Move(fresh, Last, overwrite: true);
        Assert.That(Read(), Is.EqualTo((2L, 2f)), "complete");

        (long, float) Read()
        {
            using var checkpoint = CheckpointFiles.OpenForResume(Last);
            return (checkpoint.State.Progress.Updates, CheckpointSamples.Weight(checkpoint));
        }
    }

    /// <summary>The disk is full for the model or for the state.</summary>
    [TestCase(true)]
    [TestCase(false)]
    public void AFailedSaveLeavesTheOldCheckpointAlone(bool inModel)
    {
        CheckpointSamples.Save(Last, CheckpointSamples.State(update: 1), 1);
        Assert.That(() => CheckpointFiles.Save(Last, CheckpointSamples.State(update: 2), w => Fail(w, inModel), w => Fail(w, !inModel)),
            Throws.InstanceOf<IOException>().With.Message.Contains("No space left"));
        using (var checkpoint = CheckpointFiles.OpenForResume(Last))
            Assert.That((checkpoint.State.Progress.Updates, CheckpointSamples.Weight(checkpoint)), Is.EqualTo((1L, 1f)));
        Assert.That(Directory.GetFiles(folder.Path).Select(Path.GetFileName),
            Is.EquivalentTo(new[] { "last.safetensors", "last.state.safetensors" }));

        static void Fail(SafetensorsWriter writer, bool fail) => writer.Add("w", SafetensorsDType.F32, [1], stream =>
        {
            if (fail)
                throw new IOException("No space left on device");
            stream.Write(new byte[4]);
        });
    }

    [Test]
    public void AModelOfAnotherStepIsRefused()
    {
        CheckpointSamples.Save(folder["other.safetensors"], CheckpointSamples.State(), 9);
        CheckpointSamples.Save(Last, CheckpointSamples.State(), 1);
        File.Copy(folder["other.safetensors"], Last, overwrite: true);
        Assert.That(() => CheckpointFiles.OpenForResume(Last),
            Throws.InstanceOf<CheckpointException>().With.Message.Contains("another step"));
    }

    /// <summary>Any single damaged byte of either file is noticed, and the message names the file.</summary>
    [Test]
    public void EveryFlippedByteIsNoticed([Values] bool inState)
    {
        CheckpointSamples.Save(Last, CheckpointSamples.State(epoch: 1, update: 1), 1);
        string path = inState ? CheckpointFiles.StatePath(Last) : Last;
        byte[] good = File.ReadAllBytes(path);
        for (int i = 0; i < good.Length; i += 1 + i % 7)
        {
            byte[] bad = (byte[])good.Clone();
            bad[i] ^= 0x10;
            File.WriteAllBytes(path, bad);
            var error = Assert.Catch(() => CheckpointFiles.OpenForResume(Last).Dispose(), $"byte {i}");
            Assert.That(error, Is.InstanceOf<SafetensorsException>().Or.InstanceOf<CheckpointException>(), $"byte {i}");
            Assert.That(error!.Message, Does.Contain("last"), $"byte {i}");
        }
        File.WriteAllBytes(path, good);
        Assert.That(() => CheckpointFiles.OpenForResume(Last).Dispose(), Throws.Nothing);
    }

    [TestCase("{}", "required")]
    [TestCase("null", "null")]
    [TestCase("[1", "cannot be read")]
    [TestCase("{\"format\":99}", "format is 99")]
    [TestCase("{\"format\":\"one\"}", "format is one")]
    [TestCase("{\"format\":1.5}", "format is 1.5")]
    [TestCase("{\"format\":null}", "format is ")]
    public void AHostileStateIsRefusedInWords(string json, string expected)
    {
        new SafetensorsWriter([new("pf_state", json), new("pf_model_sha256", "0")]).Save(CheckpointFiles.StatePath(Last));
        Assert.That(() => CheckpointFiles.OpenForResume(Last), Throws.InstanceOf<CheckpointException>().With.Message.Contains(expected));
    }

    /// <summary>Beside a valid recovery it is passed over; alone it is refused.</summary>
    [TestCase("\"epochs\":[", "\"epochs\":[null,")]
    [TestCase("\"kept\":[", "\"kept\":[null,")]
    [TestCase("\"format\":1", "\"format\":\"1\"")]
    [TestCase("\"restarts\":0", "\"restarts\":-1")]
    [TestCase("\"classes\":[", "\"classes\":[null,")]
    public void AStateThatCannotBeOneIsPassedOverBesideARecovery(string good, string bad)
    {
        CheckpointSamples.Save(Last, CheckpointSamples.State(1), 1);
        string json;
        using (var state = SafetensorsFile.Open(CheckpointFiles.StatePath(Last)))
            json = state.Metadata["pf_state"];
        Assert.That(json, Does.Contain(good));
        new SafetensorsWriter([new("pf_state", json.Replace(good, bad, StringComparison.Ordinal)), new("pf_model_sha256", "0")])
            .Save(CheckpointFiles.StatePath(Last));
        var lines = new List<string>();
        Assert.That(() => CheckpointFolder.FindNewest(folder.Path, lines.Add), Throws.InstanceOf<CheckpointException>());
        CheckpointSamples.Save(folder["recovery-0-5"], CheckpointSamples.State(0, 5), 2);
        using var found = CheckpointFolder.FindNewest(folder.Path, lines.Add);
        Assert.That(CheckpointSamples.Weight(found!), Is.EqualTo(2));
        Assert.That(lines, Has.Exactly(2).Contain("last.safetensors is not usable"));
    }

    [Test]
    public void NegativeCountersAreRefused()
    {
        CheckpointSamples.Save(Last, CheckpointSamples.State() with { Batch = -1 }, 1);
        Assert.That(() => CheckpointFiles.OpenForResume(Last), Throws.InstanceOf<CheckpointException>().With.Message.Contains("negative"));
    }

    [Test]
    public void MissingFilesAreNamed()
    {
        Assert.That(() => CheckpointFiles.OpenForResume(Last),
            Throws.InstanceOf<CheckpointException>().With.Message.Contains("no such checkpoint"));
        CheckpointSamples.Save(Last, CheckpointSamples.State(), 1);
        File.Delete(CheckpointFiles.StatePath(Last));
        Assert.That(() => CheckpointFiles.OpenForResume(Last),
            Throws.InstanceOf<CheckpointException>().With.Message.Contains("--pretrained-path"));
    }

    [TestCase("model.pth", new byte[] { 1, 2, 3 }, "3 bytes")]
    [TestCase("model.safetensors", new byte[] { 0x50, 0x4B, 3, 4, 0, 0 }, "end of the zip archive is missing")]
    [TestCase("model.bin", new byte[] { 0x80, 2, 0x63 }, "ends before it is complete")]
    public void ADamagedFileOfAnyFormatIsNamed(string name, byte[] content, string defect)
    {
        File.WriteAllBytes(folder[name], content);
        Assert.That(() => CheckpointFiles.OpenModel(folder[name]),
            Throws.InstanceOf<WeightsException>().With.Message.Contains(name).And.Message.Contains(defect));
        if (!name.EndsWith(".safetensors", StringComparison.Ordinal))
            Assert.That(() => CheckpointFiles.OpenForResume(folder[name]),
                Throws.InstanceOf<CheckpointException>().With.Message.Contains("--pretrained-path"));
    }

    [Test]
    public void ABareSafetensorsFileIsAModelOfWhichNothingIsKnown()
    {
        var writer = new SafetensorsWriter();
        writer.Add<float>("w", SafetensorsDType.F32, [1], new float[1]);
        writer.Save(folder["bare.safetensors"]);
        var (file, info) = CheckpointFiles.OpenModel(folder["bare.safetensors"]);
        using (file)
            Assert.That((file.Names.Count, info), Is.EqualTo((1, (ModelInfo?)null)));
    }
}
