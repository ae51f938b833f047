using System.Numerics;

namespace PerturbedForgetting.Tensors.Serialization.Pickle;

/// <summary>The instructions that make plain values and containers.</summary>
sealed partial class PickleMachine
{
    /// <summary>Bytes of the longest whole number; nothing that is pickled needs so many.</summary>
    const int LongestNumber = 256;

    static readonly object True = true, False = false;
    static readonly object[] Small = [.. Enumerable.Range(0, 256).Select(static n => (object)(long)n)];

    /// <summary>None, truth values and numbers.</summary>
    bool Constant(byte code)
    {
        switch (code)
        {
            case 0x80:
                if (source.Byte() is > 5 and var version)
                    throw source.Defect($"it is of protocol {version}; protocols 0 to 5 are read.");
                return true;
            case 0x95:
                if (source.UInt64() is var frame && frame > (ulong)source.Remaining)
                    throw source.Defect($"a frame of {frame} bytes is to follow, and the file ends after {source.Remaining}: "
                        + "it is truncated or damaged.");
                return true;
            case (byte)'N':
                Push(null);
                return true;
            case 0x88 or 0x89:
                Push(code == 0x88 ? True : False);
                return true;
            case (byte)'J':
                Push(Number(source.Int32()));
                return true;
            case (byte)'K':
                Push(Number(source.Byte()));
                return true;
            case (byte)'M':
                Push(Number(source.UInt16()));
                return true;
            case 0x8a:
                Push(Long(source.Byte()));
                return true;
            case 0x8b:
                Push(Long(source.UInt32()));
                return true;
            case (byte)'G':
                source.Charge(24);
                Push(source.Double());
                return true;
            case (byte)'I' or (byte)'L':
                Push(NumberLine(source.Line()));
                return true;
            case (byte)'F':
                source.Charge(24);
                Push(PickleText.Real(source.Line()) ?? throw source.Defect("a number is none."));
                return true;
            default:
                return false;
        }
    }

    object Number(long value)
    {
        if (value is >= 0 and < 256)
            return Small[value];
        source.Charge(24);
        return value;
    }

    object NumberLine(byte[] line)
    {
        source.Charge(24);
        return line.AsSpan().SequenceEqual("00"u8) ? False : line.AsSpan().SequenceEqual("01"u8) ? True
            : PickleText.Whole(line) ?? throw source.Defect("a whole number is none, or has thousands of digits.");
    }

    object Long(uint count)
    {
        if (count > LongestNumber)
            throw source.Defect($"a whole number of {count} bytes is longer than any that is needed: it was made to do harm, or is "
                + "damaged.");
        byte[] bytes = source.Bytes(count);
        var value = new BigInteger(bytes);
        return value >= long.MinValue && value <= long.MaxValue ? Number((long)value) : value;
    }

    /// <summary>Texts and bytes.</summary>
    bool Text(byte code)
    {
        switch (code)
        {
            case (byte)'U' or (byte)'C':
                Push(source.Bytes(source.Byte()));
                return true;
            case (byte)'T':
                int length = source.Int32();
                Push(source.Bytes(length >= 0 ? (ulong)length : throw source.Defect($"a text is to have {length} bytes.")));
                return true;
            case (byte)'B':
                Push(source.Bytes(source.UInt32()));
                return true;
            case 0x8e or 0x96:
                Push(source.Bytes(source.UInt64()));
                return true;
            case 0x8c:
                PushText(source.Bytes(source.Byte()));
                return true;
            case (byte)'X':
                PushText(source.Bytes(source.UInt32()));
                return true;
            case 0x8d:
                PushText(source.Bytes(source.UInt64()));
                return true;
            case (byte)'S':
                byte[] quoted = source.Line();
                source.Charge(quoted.Length + 32);
                Push(PickleText.Quoted(quoted) ?? throw source.Defect("a text is not in quotes."));
                return true;
            case (byte)'V':
                byte[] escaped = source.Line();
                source.Charge(4L * escaped.Length + 80);
                Push(PickleText.RawUnicodeEscape(escaped) ?? throw source.Defect("a text has a malformed escape."));
                return true;
            default:
                return false;
        }
    }

    void PushText(byte[] bytes)
    {
        source.Charge(2L * bytes.Length + 24);
        Push(PickleText.FromUtf8(bytes));
    }

    /// <summary>Tuples, lists, dictionaries and sets.</summary>
    bool Container(byte code)
    {
        switch (code)
        {
            case (byte)')':
                Push(PickleTuple.Empty);
                return true;
            case (byte)'t':
                Push(new PickleTuple(PopMark()));
                return true;
            case 0x85 or 0x86 or 0x87:
                Push(new PickleTuple(PopSome(code - 0x84)));
                return true;
            case (byte)']' or 0x8f:
                source.Charge(64);
                Push(new PickleList());
                return true;
            case (byte)'l' or 0x91:
                object?[] members = PopMark();
                var list = new PickleList();
                source.Charge(64);
                AddAll(list, members);
                Push(list);
                return true;
            case (byte)'a':
                object? single = Pop();
                AddAll(Top(), [single]);
                return true;
            case (byte)'e' or 0x90:
                object?[] more = PopMark();
                AddAll(Top(), more);
                return true;
            case (byte)'}':
                source.Charge(80);
                Push(new PickleDict());
                return true;
            case (byte)'d':
                object?[] pairs = PopMark();
                var dict = new PickleDict();
                source.Charge(80);
                SetAll(dict, pairs);
                Push(dict);
                return true;
            case (byte)'s':
                object?[] pair = PopSome(2);
                SetAll(Top(), pair);
                return true;
            case (byte)'u':
                object?[] entries = PopMark();
                SetAll(Top(), entries);
                return true;
            default:
                return false;
        }
    }

    object?[] PopSome(int count)
    {
        source.Charge(48 + 8 * count);
        object?[] items = new object?[count];
        for (int i = count - 1; i >= 0; i--)
            items[i] = Pop();
        return items;
    }

    void AddAll(object? target, ReadOnlySpan<object?> items)
    {
        // A list of an unknown class keeps nothing: nobody could say what it does with its items.
        if (target is not PickleList list)
        {
            if (target is not PickleObject)
                throw source.Defect("items are added to what is no list: it is damaged.");
            return;
        }
        source.Charge(16L * items.Length);
        foreach (object? item in items)
            list.Add(item);
    }

    void SetAll(object? target, ReadOnlySpan<object?> pairs)
    {
        if (pairs.Length % 2 != 0)
            throw source.Defect("a key has no value: it is damaged.");
        if (target is PickleObject unknown)
        {
            source.Charge(80);
            target = unknown.Items ??= new PickleDict();
        }
        if (target is not PickleDict dict)
            throw source.Defect("keys are set in what is no dictionary: it is damaged.");
        for (int i = 0; i < pairs.Length; i += 2)
        {
            // A long key takes time each time it is used.
            source.Charge(120 + pairs[i] switch { byte[] bytes => 2L * bytes.Length, string text => text.Length, _ => 0 });
            if (pairs[i] is PickleList or PickleDict)
                throw source.Defect("a list or dictionary is used as a key: it is damaged.");
            dict.Set(pairs[i], pairs[i + 1]);
        }
    }
}
