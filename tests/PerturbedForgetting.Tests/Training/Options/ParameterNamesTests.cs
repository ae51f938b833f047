using System.Text.RegularExpressions;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Tests.Training.Options;

[TestFixture]
sealed partial class ParameterNamesTests
{
    [TestCase("`c` is above 1", "--obf-C is above 1")]
    [TestCase("`GlobalPool` 'max'", "--gp 'max'")]
    [TestCase("use `numClasses` 4", "use --num-classes 4")]
    [TestCase("use `NumClasses` 4", "use --num-classes 4")]
    [TestCase("Name the folder with `split`", "Name the folder with --train-split or --val-split or --split")]
    [TestCase("`Checkpoint`, `nothing` and `device` cpu", "--checkpoint, `nothing` and --device cpu")]
    [TestCase("no name", "no name")]
    public void AParameterIsCalledByItsOption(string message, string expected) =>
        Assert.That(ParameterNames.Translate(message), Is.EqualTo(expected));

    [Test]
    public void OptionsOfTheCommandComeFirst()
    {
        Assert.That(ParameterNames.Translate("name `split` of `dataDir`", OptionTables.Train),
            Is.EqualTo("name --train-split or --val-split of --data-dir"));
        Assert.That(ParameterNames.Translate("name `split`", OptionTables.ConvertData), Is.EqualTo("name --splits"));
        Assert.That(ParameterNames.Translate("`c`", OptionTables.ConvertData), Is.EqualTo("--obf-C"));
    }

    /// <summary>What a library calls a parameter is found among the options; what that is called on the command line, no library
    /// knows.</summary>
    [TestCase("Cuda")]
    [TestCase("Tensors")]
    [TestCase("Vision")]
    public void ALibraryNamesParametersAndNoOptions(string library)
    {
        string sources = Path.Combine(SourceTree.Root, "src", "PerturbedForgetting." + library);
        Regex option = new($"\"[^\"]*({string.Join('|', OptionTables.Train.Specs.Select(s => s.Flag))})(?![\\w-])");
        int names = 0;
        string generated = Path.Combine(sources, "obj");
        foreach (string file in Directory.EnumerateFiles(sources, "*.cs", SearchOption.AllDirectories))
        {
            // The environment's variables are text for a page of the documents, not of messages.
            if (file.StartsWith(generated, StringComparison.Ordinal) || Path.GetFileName(file) == "EnvironmentVariables.cs")
                continue;
            foreach (string line in File.ReadLines(file).Where(l => !l.TrimStart().StartsWith("//", StringComparison.Ordinal)))
            {
                foreach (Match match in Parameter().Matches(line))
                {
                    names++;
                    Assert.That(ParameterNames.Translate($"`{match.Groups[1].Value}`"), Does.StartWith("--"), $"{file}: {line.Trim()}");
                }
                Assert.That(option.IsMatch(line), Is.False, $"{file}: {line.Trim()}");
            }
        }
        Assert.That(names, Is.Positive);
    }

    [GeneratedRegex(@"`(?:\{nameof\((?:\w+\.)*)?(\w+)(?:\)\})?`")]
    private static partial Regex Parameter();
}
