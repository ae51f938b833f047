using System.Runtime.InteropServices;
using PerturbedForgetting.Tensors.Serialization;

namespace PerturbedForgetting.Tensors.Nn;

/// <summary>
/// A module's state as PyTorch's: the same names and order, convolution weights O,I,kh,kw, float32 for weights and statistics,
/// int64 for counters.
/// </summary>
public static class StateDict
{
    /// <summary>The shape of an entry in PyTorch's layout.</summary>
    public static long[] TorchShape(StateEntry entry)
    {
        long[] shape = Array.ConvertAll(entry.Tensor.Shape.ToArray(), static extent => (long)extent);
        return entry.Layout == WeightLayout.Convolution ? [shape[0], shape[3], shape[1], shape[2]] : shape;
    }

    /// <summary>The values of a floating-point tensor as float32 in PyTorch's layout.</summary>
    /// <param name="tensor">A weight, its gradient, or what else has its shape.</param>
    /// <param name="layout">How it is laid out.</param>
    public static float[] ToTorch(Tensor tensor, WeightLayout layout)
    {
        float[] values = tensor.DType == DType.Float64
            ? Array.ConvertAll(tensor.ToArray<double>(), static x => (float)x)
            : tensor.ToArray<float>();
        return layout == WeightLayout.Convolution
            ? Transposed<float>(values, tensor.Shape[0], tensor.Shape[1] * tensor.Shape[2], tensor.Shape[3])
            : values;
    }

    /// <summary>Sets a floating-point tensor from float32 values in PyTorch's layout.</summary>
    /// <exception cref="ArgumentException">The number of values is not the tensor's.</exception>
    public static void FromTorch(Tensor tensor, WeightLayout layout, ReadOnlySpan<float> values)
    {
        if (values.Length != tensor.Count)
            throw new ArgumentException($"{values.Length} values do not fill a tensor {tensor.Shape}.");
        if (layout == WeightLayout.Convolution)
            values = Transposed(values, tensor.Shape[0], tensor.Shape[3], tensor.Shape[1] * tensor.Shape[2]);
        if (tensor.DType == DType.Float64)
            tensor.CopyFrom<double>(Array.ConvertAll(values.ToArray(), static x => (double)x));
        else
            tensor.CopyFrom(values);
    }

    /// <summary>Adds a module's state to a file that is being made; the values are read when it is saved.</summary>
    public static void Write(Module module, IWeightsWriter writer)
    {
        foreach (var entry in module.State())
        {
            if (entry.Tensor.DType == DType.Int64)
                writer.Add(entry.Name, SafetensorsDType.I64, TorchShape(entry), stream =>
                    stream.Write(MemoryMarshal.AsBytes<long>(entry.Tensor.ToArray<long>())));
            else
                writer.Add(entry.Name, SafetensorsDType.F32, TorchShape(entry), stream =>
                    stream.Write(MemoryMarshal.AsBytes<float>(ToTorch(entry.Tensor, entry.Layout))));
        }
    }

    /// <summary>Loads a module's state from a file. Everything is compared first, so a refused file changes nothing.</summary>
    /// <param name="module">The module.</param>
    /// <param name="file">Its source.</param>
    /// <param name="strict">Whether names and shapes must agree; if not, what does not fit is left out.</param>
    /// <returns>What does not fit, in words; nothing if <paramref name="strict"/>.</returns>
    /// <exception cref="WeightsException">Strict, and the file lacks entries, has others, or has other shapes or types.</exception>
    public static IReadOnlyList<string> Read(Module module, WeightsFile file, bool strict = true)
    {
        List<string> problems = [];
        List<StateEntry> fitting = [];
        var unknown = new HashSet<string>(file.Names, StringComparer.Ordinal);
        foreach (var entry in module.State())
        {
            unknown.Remove(entry.Name);
            if (!file.Contains(entry.Name))
                problems.Add($"'{entry.Name}' is missing");
            else if (Misfit(entry, file.Entry(entry.Name)) is { } misfit)
                problems.Add(misfit);
            else
                fitting.Add(entry);
        }
        foreach (string name in file.Names)
            if (unknown.Contains(name))
                problems.Add($"'{name}' is not in the model");
        if (strict && problems.Count > 0)
            throw new WeightsException(file.Path,
                $"the file does not belong to this model ({problems.Count} of {file.Names.Count} entries differ): "
                + $"{string.Join("; ", problems)}. Check the model's name and options.");
        foreach (var entry in fitting)
            Read(entry, file.Entry(entry.Name));
        return problems;
    }

    /// <summary>Loads one entry.</summary>
    /// <exception cref="WeightsException">Shape or type differ.</exception>
    public static void Read(StateEntry entry, WeightsEntry source)
    {
        if (Misfit(entry, source) is { } misfit)
            throw new WeightsException(source.Path, misfit);
        if (entry.Tensor.DType == DType.Int64)
        {
            entry.Tensor.CopyFrom<long>([source.ReadCounter()]);
            return;
        }
        float[] values = new float[source.Count];
        source.ReadFloat32(values);
        FromTorch(entry.Tensor, entry.Layout, values);
    }

    /// <summary>Why an entry of a file cannot be loaded into an entry of a module, in words; null when it can.</summary>
    public static string? Misfit(StateEntry entry, WeightsEntry source)
    {
        long[] shape = TorchShape(entry);
        bool counter = entry.Tensor.DType == DType.Int64;
        // Counters are single numbers, and tools that convert a whole file give them other types and shapes.
        if (counter ? entry.Tensor.Count == 1 && source.Count == 1 : source.IsFloatingPoint && source.Shape.SequenceEqual(shape))
            return null;
        return $"'{entry.Name}' is {source.DType.Name()} {source.ShapeText} in the file and {(counter ? "I64" : "F32")} "
            + $"[{string.Join(", ", shape)}] in the model";
    }

    /// <summary>Each of <paramref name="count"/> matrices transposed.</summary>
    internal static T[] Transposed<T>(ReadOnlySpan<T> values, int count, int rows, int columns)
    {
        var result = new T[values.Length];
        int next = 0;
        for (int matrix = 0; matrix < count; matrix++)
            for (int column = 0; column < columns; column++)
                for (int row = 0; row < rows; row++)
                    result[next++] = values[(((matrix * rows) + row) * columns) + column];
        return result;
    }
}
