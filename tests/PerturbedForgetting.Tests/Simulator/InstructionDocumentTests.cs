using System.Text;
using PerturbedForgetting.Simulator.Execution;
using PerturbedForgetting.Simulator.Ptx;

namespace PerturbedForgetting.Tests.Simulator;

/// <summary><c>docs/ptx-instructions.md</c> lists what the software GPU executes.</summary>
public class InstructionDocumentTests
{
    static string Document()
    {
        var text = new StringBuilder($"""
            # PTX instructions of the software GPU

            The software GPU reads PTX up to version {PtxParser.NewestVersion} and executes the instructions below, every form against
            the definition in the [PTX ISA](https://docs.nvidia.com/cuda/parallel-thread-execution/). Anything else is refused when a
            module is loaded, by the name of the kernel, the line and the instruction. `{"{…}"}` is optional, `|` separates alternatives.

            This page is written by the test `InstructionDocumentTests` from the table that the compiler uses; do not edit it.

            | instruction | forms |
            |---|---|

            """.ReplaceLineEndings("\n"));
        foreach (InstructionFamily family in InstructionSet.Families)
            text.Append($"| `{family.Opcode}` | "
                + $"{string.Join("<br>", family.Forms.Split("; ").Select(form => $"`{form.Replace("|", "\\|")}`"))} |\n");
        return text.ToString();
    }

    [Test]
    public void ListsWhatIsExecuted()
    {
        string expected = Document(), written = Path.Combine(TestContext.CurrentContext.WorkDirectory, "ptx-instructions.md");
        File.WriteAllText(written, expected);
        Assert.That(SourceTree.Page("ptx-instructions.md"), Is.EqualTo(expected), $"copy {written} to docs");
    }
}
