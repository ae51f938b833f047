namespace PerturbedForgetting.Tensors.Serialization.Pickle;

/// <summary>What a pickle wants to call with which arguments, with checks on them.</summary>
/// <param name="source">Reports defects.</param>
/// <param name="function">What is named.</param>
/// <param name="args">Its arguments.</param>
readonly ref struct PickleCall(PickleSource source, PickleGlobal function, PickleTuple args)
{
    public PickleSource Source => source;

    public PickleGlobal Function => function;

    public PickleTuple Args => args;

    public int Count => args.Items.Length;

    public PickleException Defect(string defect) => source.Defect($"{function}: {defect}");

    public void Charge(long bytes) => source.Charge(bytes);

    /// <summary>An argument that must be there and of a type.</summary>
    public T Arg<T>(int index) => index < args.Items.Length && args.Items[index] is T value
        ? value
        : throw Defect($"argument {index + 1} is {(index < args.Items.Length ? Describe(args.Items[index]) : "missing")}.");

    /// <summary>An argument that is a tuple of whole numbers, none negative.</summary>
    public long[] Sizes(int index) => Sizes(source, Arg<PickleTuple>(index));

    /// <summary>A tuple of whole numbers, none negative.</summary>
    public static long[] Sizes(PickleSource source, PickleTuple tuple)
    {
        if (tuple.Items.Length > PickleTypes.MostDimensions)
            throw source.Defect($"{tuple.Items.Length} dimensions are more than the {PickleTypes.MostDimensions} of any tensor.");
        long[] sizes = new long[tuple.Items.Length];
        for (int i = 0; i < sizes.Length; i++)
            sizes[i] = tuple.Items[i] is long and >= 0 and var size
                ? size
                : throw source.Defect($"a size or stride is {Describe(tuple.Items[i])}.");
        return sizes;
    }

    static string Describe(object? value) => value switch
    {
        null => "None",
        long or double or bool => FormattableString.Invariant($"{value}"),
        string => "a text",
        _ => $"of type {value.GetType().Name}",
    };
}
