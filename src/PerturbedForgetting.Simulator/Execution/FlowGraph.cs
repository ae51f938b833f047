namespace PerturbedForgetting.Simulator.Execution;

/// <summary>Basic blocks of decoded instructions, in their order, and where control goes behind each.</summary>
sealed unsafe class FlowGraph
{
    readonly int[] blockOf;

    public FlowGraph(Span<Instruction> code)
    {
        Starts = FindStarts(code);
        Ends = [.. Starts.Skip(1), code.Length];
        blockOf = new int[code.Length];
        Successors = new List<int>[Starts.Length];
        for (int b = 0; b < Starts.Length; b++)
            Array.Fill(blockOf, b, Starts[b], Ends[b] - Starts[b]);
        for (int b = 0; b < Starts.Length; b++)
        {
            ref Instruction last = ref code[Ends[b] - 1];
            Successors[b] = [.. Targets(last, Ends[b] - 1).Select(BlockOf)];
            if (last.Flow == Flow.Exit)
                Exits.Add(b);
        }
    }

    /// <summary>First instruction of each block.</summary>
    public int[] Starts { get; }

    /// <summary>The instruction behind each block.</summary>
    public int[] Ends { get; }

    public List<int>[] Successors { get; }

    /// <summary>Blocks that end with an exit, guarded or not.</summary>
    public List<int> Exits { get; } = [];

    public int Blocks => Starts.Length;

    /// <summary>The block of an instruction.</summary>
    public int BlockOf(int instruction) => blockOf[instruction];

    static List<int> Targets(in Instruction last, int index)
    {
        List<int> targets = [];
        if (last.Flow == Flow.Table)
        {
            for (int t = 0; t < last.Immediate; t++)
                targets.Add(last.Operands[t]);
        }
        else if (last.Flow == Flow.Branch)
            targets.Add(last.Target);
        if (last.Guard >= 0 || last.Flow == Flow.Next)
            targets.Add(index + 1);
        return targets;
    }

    static int[] FindStarts(Span<Instruction> code)
    {
        var isStart = new bool[code.Length + 1];
        isStart[0] = true;
        for (int i = 0; i < code.Length; i++)
        {
            if (code[i].Flow == Flow.Next)
                continue;
            isStart[i + 1] = true;
            foreach (int target in Targets(code[i], i))
                isStart[target] = true;
        }
        return [.. Enumerable.Range(0, code.Length).Where(i => isStart[i])];
    }
}
