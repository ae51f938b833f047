using System.Runtime.InteropServices;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Training.Updates;

namespace PerturbedForgetting.Training.Checkpoints;

/// <summary>The tensors of a training step in a state file: bit for bit as they lie in memory, flat buffers of the parameter arena
/// included.</summary>
static class StepTensors
{
    /// <summary>Adds the step's tensors.</summary>
    public static void Write(TrainingStep step, SafetensorsWriter writer)
    {
        foreach (var (name, tensor) in step.State())
            writer.Add(name, Type(tensor.DType), LongShape(tensor), stream => stream.Write(Bytes(tensor)));
    }

    /// <summary>Adds a tensor that is made when it is written.</summary>
    /// <param name="writer">The file.</param>
    /// <param name="name">Its name.</param>
    /// <param name="like">A tensor of its type and shape.</param>
    /// <param name="make">Makes it; it is freed then.</param>
    public static void Add(SafetensorsWriter writer, string name, Tensor like, Func<Tensor> make) =>
        writer.Add(name, Type(like.DType), LongShape(like), stream =>
        {
            using var made = make();
            stream.Write(Bytes(made));
        });

    /// <summary>Restores the step's tensors; its counters are restored before, because they say which tensors there are.</summary>
    /// <param name="step">The step.</param>
    /// <param name="file">Their source.</param>
    /// <returns>Names that the file lacks, whose tensors stay zero: a momentum that was off before.</returns>
    /// <exception cref="CheckpointException">A tensor has another type or shape.</exception>
    public static IReadOnlyList<string> Read(TrainingStep step, SafetensorsFile file)
    {
        var missing = new List<string>();
        foreach (var (name, tensor) in step.State())
        {
            if (!file.Contains(name))
            {
                missing.Add(name);
                continue;
            }
            Restore(file, name, tensor);
        }
        return missing;
    }

    /// <summary>Restores a tensor that is there.</summary>
    /// <exception cref="CheckpointException">It has another type or shape.</exception>
    public static void Restore(SafetensorsFile file, string name, Tensor tensor)
    {
        var entry = file.Entry(name);
        // Sums that files of older versions have in float32.
        bool isNarrower = entry.DType == SafetensorsDType.F32 && tensor.DType == DType.Float64;
        if ((entry.DType != Type(tensor.DType) && !isNarrower) || !entry.Shape.SequenceEqual(LongShape(tensor)))
            throw new CheckpointException(file.Path,
                $"'{name}' is {entry.DType.Name()} {entry.ShapeText} and should be {tensor}: it belongs to another model or to another "
                + "version of this program.");
        byte[] bytes = new byte[entry.ByteLength];
        entry.Read(bytes);
        if (isNarrower)
            tensor.CopyFrom<double>([.. MemoryMarshal.Cast<byte, float>(bytes)]);
        else
            CopyInto(tensor, bytes);
    }

    static void CopyInto(Tensor tensor, byte[] bytes)
    {
        switch (tensor.DType)
        {
            case DType.Float32: tensor.CopyFrom(MemoryMarshal.Cast<byte, float>((ReadOnlySpan<byte>)bytes)); break;
            case DType.Float64: tensor.CopyFrom(MemoryMarshal.Cast<byte, double>((ReadOnlySpan<byte>)bytes)); break;
            case DType.Int64: tensor.CopyFrom(MemoryMarshal.Cast<byte, long>((ReadOnlySpan<byte>)bytes)); break;
            case DType.Int32: tensor.CopyFrom(MemoryMarshal.Cast<byte, int>((ReadOnlySpan<byte>)bytes)); break;
            default: tensor.CopyFrom<byte>(bytes); break;
        }
    }

    static ReadOnlySpan<byte> Bytes(Tensor tensor) => tensor.DType switch
    {
        DType.Float32 => MemoryMarshal.AsBytes<float>(tensor.ToArray<float>()),
        DType.Float64 => MemoryMarshal.AsBytes<double>(tensor.ToArray<double>()),
        DType.Int64 => MemoryMarshal.AsBytes<long>(tensor.ToArray<long>()),
        DType.Int32 => MemoryMarshal.AsBytes<int>(tensor.ToArray<int>()),
        _ => tensor.ToArray<byte>(),
    };

    static SafetensorsDType Type(DType type) => type switch
    {
        DType.Float32 => SafetensorsDType.F32,
        DType.Float64 => SafetensorsDType.F64,
        DType.Int64 => SafetensorsDType.I64,
        DType.Int32 => SafetensorsDType.I32,
        _ => SafetensorsDType.U8,
    };

    static long[] LongShape(Tensor tensor) => Array.ConvertAll(tensor.Shape.ToArray(), static d => (long)d);
}
