using PerturbedForgetting.Tensors.Serialization.Pickle;

namespace PerturbedForgetting.Tensors.Serialization.Torch;

/// <summary>A block of items that tensors of a PyTorch file are views of.</summary>
/// <param name="Key">Its name in the file.</param>
/// <param name="DType">Type of the items; null where it is not one that is read, and the tensors say so.</param>
/// <param name="TypeName">The type as the file names it.</param>
/// <param name="Count">Number of items, or of bytes where the storage is untyped.</param>
/// <param name="IsUntyped">Whether the tensors, not the storage, know the type.</param>
sealed record TorchStorage(string Key, SafetensorsDType? DType, string TypeName, long Count, bool IsUntyped)
{
    /// <summary>First item in the block of this key, for files in which storages are views themselves.</summary>
    public long ViewOffset { get; init; }

    /// <summary>Items of the block of this key.</summary>
    public long RootCount { get; init; } = Count;
}

/// <summary>A tensor of a PyTorch file.</summary>
/// <param name="Storage">Where its items lie.</param>
/// <param name="DType">Type of the items; null where it is not one that is read.</param>
/// <param name="Offset">The first item in the storage.</param>
/// <param name="Shape">Sizes, outermost first.</param>
/// <param name="Strides">Distances in items.</param>
sealed record TorchTensor(TorchStorage Storage, SafetensorsDType? DType, long Offset, long[] Shape, long[] Strides);

/// <summary>A tensor of a kind that is not read.</summary>
/// <param name="Kind">Such as <c>sparse</c>.</param>
sealed record UnreadTensor(string Kind);

/// <summary>What a pickle of PyTorch names beside Python's containers: storages and tensors.</summary>
sealed class TorchTypes : PickleTypes
{
    readonly Dictionary<string, TorchStorage> storages = new(StringComparer.Ordinal);

    /// <summary>The storages that the pickle refers to, by key.</summary>
    public IReadOnlyDictionary<string, TorchStorage> Storages => storages;

    public override bool TryCall(PickleCall call, out object? result)
    {
        PickleGlobal f = call.Function;
        result = (f.Module, f.Name) switch
        {
            ("torch._utils", "_rebuild_tensor" or "_rebuild_tensor_v2" or "_rebuild_tensor_v3") when call.Count > 0
                && call.Args.Items[0] is UnreadTensor unread => unread,
            ("torch._utils", "_rebuild_tensor" or "_rebuild_tensor_v2") => Tensor(call, null),
            ("torch._utils", "_rebuild_tensor_v3") => Tensor(call, call.Arg<PickleGlobal>(6)),
            ("torch._utils", "_rebuild_parameter" or "_rebuild_parameter_with_state") => call.Arg<object>(0),
            ("torch._utils", "_rebuild_device_tensor_from_numpy" or "_rebuild_xla_tensor") => call.Arg<object>(0),
            ("torch._utils", "_rebuild_qtensor") => new UnreadTensor("quantized"),
            ("torch._utils", "_rebuild_sparse_tensor" or "_rebuild_sparse_csr_tensor") => new UnreadTensor("sparse"),
            ("torch._utils", "_rebuild_meta_tensor_no_storage") => new UnreadTensor("without data (device meta)"),
            ("torch._utils", "_rebuild_nested_tensor" or "_rebuild_wrapper_subclass") => new UnreadTensor("composed"),
            ("torch._tensor" or "torch.tensor", "_rebuild_from_type_v2" or "_rebuild_from_type") => FromType(call),
            ("torch.nn.parameter", "Parameter") when call.Count > 0 => call.Args.Items[0],
            ("torch", "Size") => call.Count == 0 ? PickleTuple.Empty : call.Args.Items[0],
            ("torch.storage", "_load_from_bytes") => new UnreadTensor("saved by pickle.dump instead of torch.save"),
            _ => null,
        };
        return result is not null || base.TryCall(call, out result);
    }

    public override object Load(PickleSource source, object? id)
    {
        ReadOnlySpan<object?> parts = id is PickleTuple tuple ? tuple.Items : [];
        if (parts.Length < 5 || Text(parts[0]) != "storage")
            throw source.Defect("it refers to data outside of the pickle in a way that PyTorch does not.");
        if (parts[1] is not PickleGlobal type || Text(parts[2]) is not { } key || parts[4] is not (long and >= 0 and var count))
            throw source.Defect("a storage lacks type, key or size.");
        bool untyped = type.Name is "UntypedStorage" or "_UntypedStorage";
        var storage = new TorchStorage(key, untyped ? SafetensorsDType.U8 : DTypeOf(type.Name), type.Name, count, untyped);
        if (parts.Length > 5 && parts[5] is PickleTuple view)
        {
            if (view.Items is not [_, long and >= 0 and var offset, long and >= 0 and var size] || offset > count - size)
                throw source.Defect($"the view of storage '{key}' lies outside of it.");
            storage = storage with { ViewOffset = offset, Count = size, RootCount = count };
        }
        source.Charge(250);
        if (storages.TryGetValue(key, out TorchStorage? known)
            && (known.TypeName, known.RootCount) != (storage.TypeName, storage.RootCount))
            throw source.Defect($"storage '{key}' is once {known.TypeName} of {known.RootCount} items and once {storage.TypeName} of "
                + $"{storage.RootCount}.");
        storages.TryAdd(key, storage);
        return storage;
    }

    static string? Text(object? value) => value switch { string text => text, byte[] bytes => PickleText.FromBytes(bytes), _ => null };

    static object Tensor(PickleCall call, PickleGlobal? type)
    {
        TorchStorage storage = call.Arg<TorchStorage>(0);
        long[] shape = call.Sizes(2), strides = call.Sizes(3);
        long offset = call.Arg<long>(1);
        if (shape.Length != strides.Length)
            throw call.Defect($"{shape.Length} sizes have {strides.Length} strides.");
        call.Charge(200 + 16 * shape.Length);
        SafetensorsDType? dtype = type is null ? storage.DType : DTypeOf(type.Name);
        int itemSize = dtype?.Size() ?? 1;
        long count = storage.IsUntyped ? storage.Count / itemSize : storage.Count, span = StoredView.Extent(shape, strides);
        if (dtype is not null && (offset < 0 || span < 0 || offset > count || span > count - offset))
            throw call.Defect($"a tensor of shape [{string.Join(", ", shape)}] at item {offset} reaches beyond its storage '{storage.Key}' "
                + $"of {count} items.");
        return new TorchTensor(storage, dtype, offset, shape, strides);
    }

    /// <summary>A tensor with attributes, or of a subclass.</summary>
    object? FromType(PickleCall call)
    {
        var inner = new PickleCall(call.Source, call.Arg<PickleGlobal>(0), call.Arg<PickleTuple>(call.Count > 2 ? 2 : 1));
        // Never itself again, which nested calls without end would need.
        return inner.Function.Name.StartsWith("_rebuild_from_type", StringComparison.Ordinal) ? null
            : TryCall(inner, out object? result) ? result : null;
    }

    static SafetensorsDType? DTypeOf(string name) => name switch
    {
        "FloatStorage" or "float32" or "float" => SafetensorsDType.F32,
        "DoubleStorage" or "float64" or "double" => SafetensorsDType.F64,
        "HalfStorage" or "float16" or "half" => SafetensorsDType.F16,
        "BFloat16Storage" or "bfloat16" => SafetensorsDType.BF16,
        "LongStorage" or "int64" or "long" => SafetensorsDType.I64,
        "IntStorage" or "int32" or "int" => SafetensorsDType.I32,
        "ShortStorage" or "int16" or "short" => SafetensorsDType.I16,
        "CharStorage" or "int8" => SafetensorsDType.I8,
        "ByteStorage" or "uint8" => SafetensorsDType.U8,
        "BoolStorage" or "bool" => SafetensorsDType.Bool,
        _ => null,
    };
}
