using System.Text;
using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Tests.Documents;

/// <summary><c>docs/data.md</c> lists the formats of images that there are, and which of their kinds are read.</summary>
sealed class ImageFormatsDocumentTests
{
    static string Table()
    {
        var table = new StringBuilder("| format | read | refused by name |\n|---|---|---|\n");
        foreach (ImageFormat format in ImageFormats.All)
            table.Append($"| {format.Name} | {Words(format.Reads)} | {Words(format.Refuses)} |\n");
        return table.ToString();
    }

    static string Words(IReadOnlyList<string> kinds) => kinds.Count == 0 ? "–" : string.Join(", ", kinds);

    [Test]
    public void ListsWhatIsRead()
    {
        string table = Table();
        Assert.That(SourceTree.Page("data.md"), Does.Contain("\n\n" + table + "\n"), $"the table in docs/data.md is not\n{table}");
    }

    [Test]
    public void NoFormatIsNamedTwice() => Assert.That(ImageFormats.All.Select(static format => format.Name), Is.Unique);
}
