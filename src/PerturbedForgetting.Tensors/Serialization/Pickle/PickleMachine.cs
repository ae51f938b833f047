namespace PerturbedForgetting.Tensors.Serialization.Pickle;

/// <summary>
/// Executes the instructions of one pickle on a stack of values. Each instruction takes at least one byte and bounded time, so the whole
/// takes no longer than the file is long. The table of instructions is that of Python's pickletools.
/// </summary>
/// <param name="source">The bytes.</param>
/// <param name="types">What can be built.</param>
sealed partial class PickleMachine(PickleSource source, PickleTypes types)
{
    const int MostPlaceholders = 30;

    readonly List<object?> stack = [];
    readonly List<int> marks = [];
    readonly Dictionary<uint, object?> memo = [];
    readonly Dictionary<(string, string), PickleGlobal> globals = [];
    readonly SortedSet<string> placeholders = new(StringComparer.Ordinal);

    /// <summary>What was not known and not called.</summary>
    public IReadOnlyList<string> Placeholders => [.. placeholders];

    /// <summary>Runs to the end of the pickle.</summary>
    public object? Run()
    {
        while (true)
        {
            byte code = source.Byte();
            if (code == (byte)'.')
                return Pop();
            if (!Constant(code) && !Text(code) && !Container(code) && !Stack(code) && !Object(code))
                throw source.Defect(code is 0x82 or 0x83 or 0x84
                    ? "it uses the extension registry, whose entries are known to its writer alone."
                    : $"0x{code:x2} is no instruction: this is no pickle, or it is damaged.");
        }
    }

    void Push(object? value)
    {
        source.Charge(8);
        stack.Add(value);
    }

    object? Pop()
    {
        if (stack.Count == (marks.Count > 0 ? marks[^1] : 0))
            throw source.Defect("an instruction finds nothing on the stack: it is damaged.");
        object? value = stack[^1];
        stack.RemoveAt(stack.Count - 1);
        return value;
    }

    object? Top() => stack.Count > (marks.Count > 0 ? marks[^1] : 0)
        ? stack[^1]
        : throw source.Defect("an instruction finds nothing on the stack: it is damaged.");

    /// <summary>What lies above the last mark.</summary>
    object?[] PopMark()
    {
        if (marks.Count == 0)
            throw source.Defect("an instruction finds no mark on the stack: it is damaged.");
        int start = marks[^1];
        marks.RemoveAt(marks.Count - 1);
        object?[] items = new object?[stack.Count - start];
        source.Charge(8L * items.Length + 24);
        stack.CopyTo(start, items, 0, items.Length);
        stack.RemoveRange(start, items.Length);
        return items;
    }

    /// <summary>Moves values between stack and memo.</summary>
    bool Stack(byte code)
    {
        switch (code)
        {
            case (byte)'(':
                source.Charge(4);
                marks.Add(stack.Count);
                return true;
            case (byte)'0' when marks.Count > 0 && marks[^1] == stack.Count:
                marks.RemoveAt(marks.Count - 1);
                return true;
            case (byte)'0':
                Pop();
                return true;
            case (byte)'1':
                PopMark();
                return true;
            case (byte)'2':
                Push(Top());
                return true;
            case (byte)'p':
                Remember(MemoLine());
                return true;
            case (byte)'q':
                Remember(source.Byte());
                return true;
            case (byte)'r':
                Remember(source.UInt32());
                return true;
            case 0x94:
                Remember((uint)memo.Count);
                return true;
            case (byte)'g':
                Recall(MemoLine());
                return true;
            case (byte)'h':
                Recall(source.Byte());
                return true;
            case (byte)'j':
                Recall(source.UInt32());
                return true;
            default:
                return false;
        }
    }

    uint MemoLine() => PickleText.Whole(source.Line()) is long and >= 0 and <= uint.MaxValue and var index
        ? (uint)index
        : throw source.Defect("the number of a remembered value is none.");

    void Remember(uint index)
    {
        source.Charge(40);
        memo[index] = Top();
    }

    void Recall(uint index) => Push(memo.TryGetValue(index, out object? value)
        ? value
        : throw source.Defect($"it refers to value {index}, which it has not: it is damaged."));
}
