namespace PerturbedForgetting.Simulator.Execution;

/// <summary>Finds where the lanes of a divergent branch meet again: the immediate post-dominator of the branch, by the iteration of
/// Cooper, Harvey and Kennedy, "A Simple, Fast Dominance Algorithm" (2001), on the reversed control flow.</summary>
static unsafe class PostDominators
{
    /// <summary>No common place: the lanes meet only when all have exited.</summary>
    public const int None = int.MaxValue;

    /// <summary>Sets <see cref="Instruction.Reconvergence"/> of every branch.</summary>
    public static void Mark(Span<Instruction> code)
    {
        int[] starts = BlockStarts(code);
        int blocks = starts.Length;
        var blockOf = new int[code.Length + 1];
        for (int b = 0; b < blocks; b++)
            Array.Fill(blockOf, b, starts[b], (b + 1 < blocks ? starts[b + 1] : code.Length) - starts[b]);
        var successors = new List<int>[blocks];
        for (int b = 0; b < blocks; b++)
        {
            successors[b] = [];
            Span<Instruction> block = code[starts[b]..(b + 1 < blocks ? starts[b + 1] : code.Length)];
            foreach (int target in Successors(block[^1], starts[b] + block.Length - 1))
                successors[b].Add(blockOf[target]);
        }
        int[] next = Immediate(successors);
        for (int i = 0; i < code.Length; i++)
        {
            if (IsBranch(code[i]))
                code[i].Reconvergence = next[blockOf[i]] < 0 ? None : starts[next[blockOf[i]]];
        }
    }

    static bool IsBranch(in Instruction i) => i.Flow is Flow.Branch or Flow.Table;

    static List<int> Successors(in Instruction last, int index)
    {
        List<int> targets = [];
        if (last.Flow == Flow.Table)
        {
            for (int t = 0; t < last.Immediate; t++)
                targets.Add(last.Operands[t]);
        }
        else if (IsBranch(last))
            targets.Add(last.Target);
        bool falls = last.Guard >= 0 || !(IsBranch(last) || last.Flow == Flow.Exit);
        if (falls)
            targets.Add(index + 1);
        return targets;
    }

    static int[] BlockStarts(Span<Instruction> code)
    {
        var isStart = new bool[code.Length + 1];
        isStart[0] = true;
        for (int i = 0; i < code.Length; i++)
        {
            if (code[i].Flow == Flow.Next)
                continue;
            isStart[i + 1] = true;
            foreach (int target in Successors(code[i], i))
                isStart[target] = true;
        }
        return [.. Enumerable.Range(0, code.Length).Where(i => isStart[i])];
    }

    /// <summary>The last block that can be reached and that nothing follows.</summary>
    static int LastExit(List<int>[] successors)
    {
        var seen = new bool[successors.Length];
        var open = new Stack<int>([0]);
        seen[0] = true;
        int last = -1;
        while (open.TryPop(out int block))
        {
            if (successors[block].Count == 0)
                last = Math.Max(last, block);
            foreach (int s in successors[block].Where(s => !seen[s]))
            {
                seen[s] = true;
                open.Push(s);
            }
        }
        return last;
    }

    /// <summary>Immediate post-dominator of each block, -1 for none. The last block that exits is the exit. Other blocks that exit have no
    /// successors: their lanes vanish, and the others need not wait for them at the end of the kernel.</summary>
    static int[] Immediate(List<int>[] successors)
    {
        int blocks = successors.Length, exit = LastExit(successors);
        var predecessors = new List<int>[blocks];
        for (int b = 0; b < blocks; b++)
            predecessors[b] = [];
        for (int b = 0; b < blocks; b++)
        {
            foreach (int s in successors[b])
                predecessors[s].Add(b);
        }
        var next = new int[blocks];
        Array.Fill(next, -1);
        if (exit < 0)
            return next;
        int[] order = PostOrder(predecessors, exit, out int[] number);
        next[exit] = exit;
        for (bool changed = true; changed;)
        {
            changed = false;
            for (int i = order.Length - 2; i >= 0; i--)
            {
                int block = order[i], found = -1;
                foreach (int s in successors[block])
                {
                    if (next[s] >= 0)
                        found = found < 0 ? s : Meet(found, s);
                }
                changed |= next[block] != found;
                next[block] = found;
            }
        }
        next[exit] = -1;
        return next;

        int Meet(int a, int b)
        {
            while (a != b)
            {
                while (number[a] < number[b])
                    a = next[a];
                while (number[b] < number[a])
                    b = next[b];
            }
            return a;
        }
    }

    /// <summary>Blocks from which the exit can be reached, in post-order of the reversed flow; the exit is last.</summary>
    static int[] PostOrder(List<int>[] predecessors, int exit, out int[] number)
    {
        List<int> order = [];
        number = new int[predecessors.Length];
        Array.Fill(number, -1);
        var stack = new Stack<(int Block, int Edge)>();
        var seen = new bool[predecessors.Length];
        stack.Push((exit, 0));
        seen[exit] = true;
        while (stack.TryPop(out (int Block, int Edge) top))
        {
            if (top.Edge < predecessors[top.Block].Count)
            {
                stack.Push((top.Block, top.Edge + 1));
                int p = predecessors[top.Block][top.Edge];
                if (!seen[p])
                {
                    seen[p] = true;
                    stack.Push((p, 0));
                }
            }
            else
            {
                number[top.Block] = order.Count;
                order.Add(top.Block);
            }
        }
        return [.. order];
    }
}
