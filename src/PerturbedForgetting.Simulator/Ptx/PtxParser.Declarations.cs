namespace PerturbedForgetting.Simulator.Ptx;

/// <summary>Parameters and variables, with their initial values.</summary>
public sealed partial class PtxParser
{
    List<PtxVariable> ReadParameters()
    {
        List<PtxVariable> parameters = [];
        Expect('(');
        while (!token.Is(')'))
        {
            if (!token.IsDot("param"))
                throw Unexpected(".param");
            parameters.Add(ReadVariable(isExternal: false, isList: false));
            if (!Accept(','))
                break;
        }
        Expect(')');
        return parameters;
    }

    /// <summary>Variables of one declaration, up to its semicolon.</summary>
    internal List<PtxVariable> ReadVariables(bool isExternal)
    {
        List<PtxVariable> list = [ReadVariable(isExternal, isList: true)];
        while (Accept(','))
            list.Add(ReadName(list[0].Space, list[0].ElementType, list[0].Alignment, isExternal));
        Expect(';');
        return list;
    }

    PtxVariable ReadVariable(bool isExternal, bool isList)
    {
        StateSpace space = Next().Text switch
        {
            "global" => StateSpace.Global,
            "const" => StateSpace.Const,
            "shared" => StateSpace.Shared,
            "local" => StateSpace.Local,
            _ => StateSpace.Param,
        };
        var type = PtxType.None;
        int alignment = 0;
        bool isPointer = false;
        while (token.Kind == PtxTokenKind.Dot)
        {
            string word = Next().Text;
            if (word == "align")
            {
                // Behind .ptr it is the alignment of what the parameter points to.
                int given = ReadAlignment();
                alignment = isPointer ? alignment : given;
            }
            else if (word == "ptr" && !isList)
                isPointer = true;
            else if (isPointer && word is "global" or "const" or "shared" or "local")
                continue;
            else if (PtxTypes.Parse(word) is not PtxType.None and not PtxType.Pred and var found)
                type = found;
            else
                throw Error($".{word} cannot stand in a declaration");
        }
        if (type == PtxType.None)
            throw Error("the declaration has no type");
        return ReadName(space, type, alignment, isExternal);
    }

    int ReadAlignment()
    {
        int alignment = ReadCount();
        return int.IsPow2(alignment) && alignment <= 1024 ? alignment : throw Error($"{alignment} is no alignment");
    }

    PtxVariable ReadName(StateSpace space, PtxType type, int alignment, bool isExternal)
    {
        PtxLocation location = Location;
        string name = Take(PtxTokenKind.Name, "the variable's name").Text;
        long elements = 1;
        while (Accept('['))
        {
            long length = token.Is(']') ? 0 : ReadLength();
            Expect(']');
            if (length > 0 && elements > MaximumElements / length)
                throw Error($"{name} is larger than any device's memory");
            elements *= length;
        }
        int size = PtxTypes.SizeOf(type);
        byte[] initial = Accept('=') ? ReadInitial(name, type, elements) : [];
        if (elements == 0 && !isExternal && initial.Length == 0)
            throw Error($"{name} has no size");
        return new PtxVariable(space, type, name, Math.Max(alignment, size), Math.Max(elements * size, initial.Length), initial, isExternal,
            location);
    }

    const long MaximumElements = 1L << 32;

    long ReadLength()
    {
        string text = Take(PtxTokenKind.Number, "a length").Text;
        return PtxNumbers.TryParse(text, false, out PtxConstant value) && value.Kind == PtxConstantKind.Integer
            && value.Bits <= MaximumElements
            ? (long)value.Bits
            : throw Error($"{text} is no length");
    }

    byte[] ReadInitial(string name, PtxType type, long elements)
    {
        List<byte> bytes = [];
        int size = PtxTypes.SizeOf(type);
        int depth = 0;
        do
        {
            while (Accept('{'))
                depth++;
            if (!token.Is('}'))
                bytes.AddRange(BitConverter.GetBytes(ReadElement(type)).AsSpan(0, size));
            while (depth > 0 && Accept('}'))
                depth--;
        }
        while (depth > 0 && Accept(','));
        if (depth > 0)
            throw Error($"the values of {name} are not closed");
        return elements == 0 || bytes.Count <= elements * size
            ? [.. bytes]
            : throw Error($"{name} has {elements} elements and {bytes.Count / size} values");
    }

    ulong ReadElement(PtxType type)
    {
        bool isNegative = Accept('-');
        string text = Take(PtxTokenKind.Number, "a value; addresses as values are not supported").Text;
        if (!PtxNumbers.TryParse(text, isNegative, out PtxConstant value))
            throw Error($"{text} is no constant");
        return (value.Kind, type) switch
        {
            (PtxConstantKind.Double, PtxType.F32) => BitConverter.SingleToUInt32Bits((float)BitConverter.UInt64BitsToDouble(value.Bits)),
            _ => value.Bits,
        };
    }
}
