using System.Globalization;
using System.Text;
using PerturbedForgetting.Simulator.Execution;

namespace PerturbedForgetting.Tests.Simulator.Instructions;

/// <summary>Executes instructions on the software GPU in every lane, over given operands.</summary>
static class InstructionRun
{
    /// <summary>Two whole warps and a part of one.</summary>
    public const int BlockThreads = 72;

    /// <summary>Executes a body: registers <c>%s0, %s1 …</c> hold the row's sources, and <c>%d0, %d1 …</c> the row's initial values before
    /// it and the results behind it.</summary>
    /// <param name="body">Instructions, each ended by a semicolon.</param>
    /// <param name="results">Registers of the results: pred, b16, b32 or b64.</param>
    /// <param name="sources">Registers of the sources.</param>
    /// <param name="rows">One row a thread: the sources, then the initial values of the results.</param>
    /// <param name="blockThreads">Threads of a block; their number divides that of the rows.</param>
    /// <param name="target">Target of the module.</param>
    /// <returns>One row a thread: the results.</returns>
    public static ulong[][] Execute(string body, string[] results, string[] sources, ulong[][] rows, int blockThreads = BlockThreads,
        string target = "sm_90")
    {
        int columns = sources.Length + results.Length;
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $$"""
            .reg .b64 %in, %out, %at;
            .reg .b32 %index, %block, %size, %word;
            .reg .pred %guard, %other;
            ld.param.u64 %in, [in];
            ld.param.u64 %out, [out];
            mov.u32 %block, %ctaid.x;
            mov.u32 %size, %ntid.x;
            mov.u32 %index, %tid.x;
            mad.lo.s32 %index, %block, %size, %index;
            mul.wide.s32 %at, %index, {{8 * columns}};
            add.s64 %in, %in, %at;
            mul.wide.s32 %at, %index, {{8 * results.Length}};
            add.s64 %out, %out, %at;

            """);
        for (int c = 0; c < columns; c++)
        {
            bool isSource = c < sources.Length;
            string type = isSource ? sources[c] : results[c - sources.Length], name = isSource ? $"%s{c}" : $"%d{c - sources.Length}";
            text.AppendLine($".reg .{type} {name};");
            text.AppendLine(type == "pred"
                ? $"ld.global.u32 %word, [%in+{8 * c}]; setp.ne.u32 {name}, %word, 0;"
                : $"ld.global.{type} {name}, [%in+{8 * c}];");
        }
        text.AppendLine(body);
        for (int r = 0; r < results.Length; r++)
        {
            text.AppendLine(results[r] == "pred"
                ? $"selp.u32 %word, 1, 0, %d{r}; st.global.u32 [%out+{8 * r}], %word;"
                : $"st.global.{results[r]} [%out+{8 * r}], %d{r};");
        }
        text.Append("ret;");
        using var device = new Device(
            $".version 8.0\n.target {target}\n.address_size 64\n.visible .entry k(.param .u64 in, .param .u64 out)\n{{\n{text}\n}}\n");
        ulong input = device.Upload<ulong>([.. rows.SelectMany(row => row)]);
        ulong output = device.Upload<ulong>(new ulong[rows.Length * results.Length]);
        Assert.That(rows.Length % blockThreads, Is.Zero);
        device.Launch("k", new Extent(rows.Length / blockThreads), new Extent(blockThreads), input, output);
        return [.. device.Download<ulong>(output, rows.Length * results.Length).Chunk(results.Length)];
    }
}
