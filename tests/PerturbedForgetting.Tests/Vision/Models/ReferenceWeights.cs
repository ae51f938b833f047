using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;

namespace PerturbedForgetting.Tests.Vision.Models;

/// <summary>The weight formula of the reference numbers: weights, inputs and labels from names and indices alone.</summary>
static class ReferenceWeights
{
    /// <summary>Sets every entry of a model's state and returns the SHA-256 of all float32 entries in PyTorch's layouts.</summary>
    /// <param name="model">The model.</param>
    /// <param name="lastNormScale">Factor of the weights named <c>*.bn3.weight</c>.</param>
    public static string Apply(Module model, double lastNormScale = 1)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var entry in model.State())
        {
            if (entry.Tensor.DType == DType.Int64)
            {
                entry.Tensor.Fill(0);
                continue;
            }
            int[] shape = Layouts.TorchShape(entry);
            float[] values = Values(entry.Name, shape, lastNormScale);
            hash.AppendData(MemoryMarshal.AsBytes(values.AsSpan()));
            Layouts.Set(entry, values);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Values of one entry, row-major in PyTorch's layout.</summary>
    public static float[] Values(string name, int[] shape, double lastNormScale = 1)
    {
        var (centre, scale, absolute) = Rule(name, shape, lastNormScale);
        ulong hash = Hash(name);
        var values = new float[shape.Aggregate(1, static (a, b) => a * b)];
        Parallel.For(0, (values.Length + 65535) / 65536, chunk =>
        {
            for (int i = chunk * 65536; i < Math.Min(values.Length, (chunk + 1) * 65536); i++)
            {
                double u = Unit(hash, i);
                values[i] = (float)(centre + scale * (absolute ? Math.Abs(u) : u));
            }
        });
        return values;
    }

    /// <summary>Images, N,C,H,W.</summary>
    public static float[] Input(int[] shape)
    {
        ulong hash = Hash("input");
        var values = new float[shape.Aggregate(1, static (a, b) => a * b)];
        for (int i = 0; i < values.Length; i++)
            values[i] = (float)Unit(hash, i);
        return values;
    }

    public static long[] Labels(int count, int classes)
    {
        ulong hash = Hash("target");
        return [.. Enumerable.Range(0, count).Select(i => (long)(Bits(hash, i) % (ulong)classes))];
    }

    public static ulong Hash(string name)
    {
        ulong hash = 0xcbf29ce484222325;
        foreach (byte b in Encoding.UTF8.GetBytes(name))
            hash = (hash ^ b) * 0x100000001b3;
        return hash;
    }

    /// <summary>24 bits.</summary>
    public static ulong Bits(ulong hash, long index)
    {
        ulong z = (hash ^ (ulong)index) + 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return (z ^ (z >> 31)) >> 40;
    }

    public static double Unit(ulong hash, long index) => Bits(hash, index) / 8388608.0 - 1;

    static (double Centre, double Scale, bool Absolute) Rule(string name, int[] shape, double lastNormScale)
    {
        double factor = name.EndsWith(".bn3.weight", StringComparison.Ordinal) ? lastNormScale : 1;
        return name[(name.LastIndexOf('.') + 1)..] switch
        {
            "pos_embed" or "cls_token" => (0, 0.02, false),
            "running_mean" => (0, 0.05, false),
            "running_var" => (1, 0.1, true),
            "bias" => (0, 0.05, false),
            _ when shape.Length > 1 => (0, Math.Sqrt(3.0 / shape.Skip(1).Aggregate(1, static (a, b) => a * b)), false),
            _ => (factor * 1, factor * 0.1, false),
        };
    }
}
