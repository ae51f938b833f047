using System.Text;

namespace PerturbedForgetting.Tensors.Serialization.Pickle;

/// <summary>Classes and functions whose results can be built here: Python's containers and NumPy's arrays.</summary>
class PickleTypes
{
    /// <summary>As in PyTorch and NumPy.</summary>
    public const int MostDimensions = 64;

    /// <summary>What a call results in.</summary>
    /// <returns>Whether the function is known.</returns>
    public virtual bool TryCall(PickleCall call, out object? result)
    {
        PickleGlobal f = call.Function;
        result = (f.Module, f.Name) switch
        {
            ("collections", "OrderedDict" or "Counter") or ("builtins" or "__builtin__", "dict") => Dict(call, 0),
            ("collections", "defaultdict") => Dict(call, 1),
            ("builtins" or "__builtin__", "list" or "set" or "frozenset") => List(call),
            ("builtins" or "__builtin__", "tuple") => Tuple(call),
            ("builtins" or "__builtin__", "bytearray" or "bytes") or ("_codecs", "encode") => Bytes(call),
            _ when f.Module is "numpy" || f.Module.StartsWith("numpy.", StringComparison.Ordinal) => NumpyTypes.Call(call),
            _ => null,
        };
        return result is not null;
    }

    /// <summary>What lies outside of the pickle and is named by an identifier.</summary>
    /// <param name="source">Reports defects.</param>
    /// <param name="id">Tells what it is.</param>
    public virtual object Load(PickleSource source, object? id) =>
        throw source.Defect("it refers to data outside of the pickle, which a plain pickle has not.");

    static PickleDict Dict(PickleCall call, int first)
    {
        var dict = new PickleDict();
        call.Charge(200);
        if (call.Count <= first)
            return dict;
        object? content = call.Args.Items[first];
        if (content is PickleDict whole)
            return whole;
        foreach (object? item in content is PickleList list ? list.Items : [])
        {
            ReadOnlySpan<object?> pair = item switch
            {
                PickleTuple tuple => tuple.Items,
                PickleList { Items: [var key, var value] } => [key, value],
                _ => [],
            };
            if (pair.Length != 2)
                throw call.Defect("an item is no pair of key and value.");
            call.Charge(100);
            dict.Set(pair[0], pair[1]);
        }
        return dict;
    }

    static PickleTuple Tuple(PickleCall call)
    {
        IReadOnlyList<object?> items = List(call).Items;
        call.Charge(8L * items.Count + 48);
        return new([.. items]);
    }

    static PickleList List(PickleCall call)
    {
        var list = new PickleList();
        call.Charge(80);
        if (call.Count == 0)
            return list;
        if (call.Args.Items[0] is PickleList whole)
            return whole;
        foreach (object? item in call.Arg<PickleTuple>(0).Items)
        {
            call.Charge(16);
            list.Add(item);
        }
        return list;
    }

    /// <summary>Bytes as Python 3 writes them for protocols that know text only.</summary>
    static byte[] Bytes(PickleCall call)
    {
        if (call.Count == 0)
            return [];
        if (call.Args.Items[0] is byte[] bytes)
            return bytes;
        string text = call.Arg<string>(0);
        bool latin = call.Count > 1 && call.Args.Items[1] is "latin1" or "latin-1";
        call.Charge((latin ? 1 : 3L) * text.Length + 32);
        return (latin ? Encoding.Latin1 : Encoding.UTF8).GetBytes(text);
    }
}
