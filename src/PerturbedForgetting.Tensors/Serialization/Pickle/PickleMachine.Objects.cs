namespace PerturbedForgetting.Tensors.Serialization.Pickle;

/// <summary>The instructions with which Python looks up classes and calls them. Here names stay names.</summary>
sealed partial class PickleMachine
{
    const int LongestName = 512;

    /// <summary>Stands for a function that is itself the result of a call.</summary>
    static readonly PickleGlobal Computed = new("(computed", "function)");

    bool Object(byte code)
    {
        switch (code)
        {
            case (byte)'c':
                string module = PickleText.FromBytes(source.Line());
                Push(Global(module, PickleText.FromBytes(source.Line())));
                return true;
            case 0x93:
                object? name = Pop();
                Push(Global(AsText(Pop()), AsText(name)));
                return true;
            case (byte)'R' or 0x81:
                object? args = Pop();
                Push(Call(Pop(), args));
                return true;
            case 0x92:
                Pop();
                object? positional = Pop();
                Push(Call(Pop(), positional));
                return true;
            case (byte)'o':
                object?[] parts = PopMark();
                if (parts.Length == 0)
                    throw source.Defect("an object has no class: it is damaged.");
                Push(Call(parts[0], new PickleTuple(parts[1..])));
                return true;
            case (byte)'i':
                string where = PickleText.FromBytes(source.Line());
                PickleGlobal type = Global(where, PickleText.FromBytes(source.Line()));
                Push(Call(type, new PickleTuple(PopMark())));
                return true;
            case (byte)'b':
                object? state = Pop();
                Build(Top(), state);
                return true;
            case (byte)'P':
                Push(types.Load(source, PickleText.FromBytes(source.Line())));
                return true;
            case (byte)'Q':
                Push(types.Load(source, Pop()));
                return true;
            case 0x97:
                throw source.Defect("it refers to buffers that are kept outside of it.");
            case 0x98:
                return true;
            default:
                return false;
        }
    }

    PickleGlobal Global(string module, string name)
    {
        if (module.Length + name.Length > LongestName)
            throw source.Defect($"the name of a class has {module.Length + name.Length} characters.");
        if (globals.TryGetValue((module, name), out PickleGlobal? known))
            return known;
        source.Charge(200);
        return globals[(module, name)] = new PickleGlobal(module, name);
    }

    string AsText(object? value) => value switch
    {
        string text => text,
        byte[] and { Length: <= LongestName } bytes => PickleText.FromBytes(bytes),
        _ => throw source.Defect("the name of a class is no text: it is damaged."),
    };

    object? Call(object? function, object? args)
    {
        PickleTuple tuple = args switch
        {
            PickleTuple given => given,
            null => PickleTuple.Empty,
            _ => throw source.Defect("the arguments of a call are no tuple: it is damaged."),
        };
        source.Charge(64);
        if (function is PickleGlobal { Module: "copyreg" or "copy_reg", Name: "_reconstructor" or "__newobj__" }
            && tuple.Items is [PickleGlobal constructed, ..])
            function = constructed;
        if (function is PickleGlobal global && types.TryCall(new PickleCall(source, global, tuple), out object? result))
            return result;
        PickleGlobal type = function switch
        {
            PickleGlobal named => named,
            PickleObject => Computed,
            _ => throw source.Defect("what is called is neither a class nor a function: it is damaged."),
        };
        if (placeholders.Count < MostPlaceholders)
            placeholders.Add(type.ToString());
        return new PickleObject(type, tuple);
    }

    void Build(object? target, object? state)
    {
        if (target is NumpyArray or NumpyType)
            NumpyTypes.SetState(source, target, state);
        else if (target is PickleObject unknown)
            unknown.State = state;
        // Attributes of containers and tensors, such as the versions that a state dictionary carries, have no meaning here.
    }
}
