using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Tests.Training;

/// <summary>
/// Runs that are killed at a change of the file system. What a kill leaves is the folder as it was before the change, so the folder is
/// copied there, and the copy is resumed: afterwards it holds the same files as that of a run that nobody killed.
/// </summary>
[TestFixture, Parallelizable]
sealed class KilledRunTests : TempFolderFixture
{
    static TrainOptions Options(string output, string experiment) => ShortRun.Options(output, experiment) with
    {
        Resume = "auto",
        RecoveryInterval = 1,
        CheckpointHist = 1,
    };

    [TearDown]
    public void NoHook() => AtomicFile.Changing = null;

    [Test]
    public void KilledAtAnyChangeARunEndsWithTheSameFiles()
    {
        string[] expected = RunFiles.Describe(ShortRun.Train(Options(folder.Path, "whole")).Folder);
        int kills = TrainWithKills("first", "kill", _ => true);
        Assert.That(kills, Is.GreaterThan(50), "recoveries, last, best, the history, summary, results, options and plots");
        var random = new Random(12);
        for (int kill = 0; kill < kills; kill++)
        {
            // Each second one is killed once more while it resumes.
            int again = kill % 2 == 0 ? -1 : random.Next(12);
            if (TrainWithKills($"kill{kill}", $"kill{kill}-again", at => at == again) > 0)
                Check($"kill{kill}-again{again}", $"killed before change {kill}, and before change {again} of the next start");
            Check($"kill{kill}", $"killed before change {kill}");
        }

        void Check(string name, string what)
        {
            ShortRun.Train(Options(folder.Path, name));
            Assert.That(RunFiles.Describe(folder[name]), Is.EqualTo(expected), what);
            Directory.Delete(folder[name], recursive: true);
        }
    }

    /// <summary>Trains, and copies the folder before those of its changes that are chosen.</summary>
    /// <returns>How many copies there are: NAME0, NAME1, ... by the number of the change.</returns>
    int TrainWithKills(string experiment, string name, Predicate<int> isChosen)
    {
        int change = 0, copies = 0;
        AtomicFile.Changing = () =>
        {
            if (isChosen(change) && Directory.Exists(folder[experiment]))
            {
                string copy = folder[$"{name}{change}"];
                RunFiles.Copy(folder[experiment], copy);
                // Killed while it wrote the file that would have come next.
                File.WriteAllText(Path.Combine(copy, ".pf-0123456789.tmp"), "half a f");
                copies++;
            }
            change++;
        };
        ShortRun.Train(Options(folder.Path, experiment));
        AtomicFile.Changing = null;
        return copies;
    }
}
