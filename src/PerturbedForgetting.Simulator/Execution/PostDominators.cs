namespace PerturbedForgetting.Simulator.Execution;

/// <summary>Finds where the lanes of a divergent branch meet again: the immediate post-dominator of the branch, by the iteration of
/// Cooper, Harvey and Kennedy, "A Simple, Fast Dominance Algorithm" (2001), on the reversed control flow. Lanes that exit vanish, so the
/// others need not wait for them: where ways lead to several exits, only those to the one that most blocks lead to count.</summary>
static class PostDominators
{
    /// <summary>No common place: the lanes meet only when all have exited.</summary>
    public const int None = int.MaxValue;

    const int ExitsCompared = 16;

    /// <summary>Sets <see cref="Instruction.Reconvergence"/> of every branch.</summary>
    public static void Mark(Span<Instruction> code)
    {
        FlowGraph graph = new(code);
        int[] next = Immediate(graph.Successors, [.. graph.Exits]);
        for (int i = 0; i < code.Length; i++)
        {
            if (code[i].Flow is Flow.Branch or Flow.Table)
                code[i].Reconvergence = next[graph.BlockOf(i)] < 0 ? None : graph.Starts[next[graph.BlockOf(i)]];
        }
    }

    /// <summary>Immediate post-dominator of each block, -1 for none.</summary>
    static int[] Immediate(List<int>[] successors, List<int> exits)
    {
        int blocks = successors.Length;
        var predecessors = new List<int>[blocks];
        for (int b = 0; b < blocks; b++)
            predecessors[b] = [];
        for (int b = 0; b < blocks; b++)
        {
            foreach (int s in successors[b])
                predecessors[s].Add(b);
        }
        int[] next = new int[blocks], number = new int[blocks];
        Array.Fill(next, -1);
        bool[] isReached = Reached(successors), isDone = [.. isReached.Select(reached => !reached)];
        exits.RemoveAll(exit => !isReached[exit] || successors[exit].Count > 0);
        while (exits.Count > 0)
        {
            // The blocks that lead to no exit before lead to the next one.
            List<int> order = exits.TakeLast(ExitsCompared).Reverse().Select(exit => PostOrder(predecessors, exit, isDone))
                .MaxBy(blocks => blocks.Count)!;
            Iterate(successors, order, next, number);
            foreach (int block in order)
                isDone[block] = true;
            exits.Remove(order[^1]);
        }
        return next;
    }

    static void Iterate(List<int>[] successors, List<int> order, int[] next, int[] number)
    {
        int exit = order[^1];
        for (int i = 0; i < order.Count; i++)
            number[order[i]] = i;
        next[exit] = exit;
        for (bool changed = true; changed;)
        {
            changed = false;
            for (int i = order.Count - 2; i >= 0; i--)
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

    static bool[] Reached(List<int>[] successors)
    {
        var seen = new bool[successors.Length];
        var open = new Stack<int>([0]);
        seen[0] = true;
        while (open.TryPop(out int block))
        {
            foreach (int s in successors[block])
            {
                if (!seen[s])
                    open.Push(s);
                seen[s] = true;
            }
        }
        return seen;
    }

    /// <summary>Blocks from which an exit can be reached and that are not done, in post-order of the reversed flow; the exit is
    /// last.</summary>
    static List<int> PostOrder(List<int>[] predecessors, int exit, bool[] isDone)
    {
        List<int> order = [];
        var stack = new Stack<(int Block, int Edge)>();
        HashSet<int> seen = [exit];
        stack.Push((exit, 0));
        while (stack.TryPop(out (int Block, int Edge) top))
        {
            if (top.Edge < predecessors[top.Block].Count)
            {
                stack.Push((top.Block, top.Edge + 1));
                int p = predecessors[top.Block][top.Edge];
                if (!isDone[p] && seen.Add(p))
                    stack.Push((p, 0));
            }
            else
                order.Add(top.Block);
        }
        return order;
    }
}
