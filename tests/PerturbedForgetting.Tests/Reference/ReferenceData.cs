using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Text.Json;
using PerturbedForgetting.Tensors.Serialization;

namespace PerturbedForgetting.Tests.Reference;

/// <summary>
/// The reference numbers that lie beside this file: cases of <c>manifest.json</c> and the tensors of the
/// <c>*.safetensors</c> files. Files stay open for the life of the test process.
/// </summary>
static class ReferenceData
{
    static readonly ConcurrentDictionary<string, Lazy<SafetensorsFile>> Files = new();
    static readonly ConcurrentDictionary<string, Lazy<JsonDocument>> Documents = new();

    /// <summary>Full path of a file of the reference.</summary>
    // Not TestContext, because test case sources run outside a test.
    public static string PathOf(string file) => Path.Combine(AppContext.BaseDirectory, "Reference", file);

    public static SafetensorsFile Open(string file) =>
        Files.GetOrAdd(file, name => new Lazy<SafetensorsFile>(() => SafetensorsFile.Open(PathOf(name)))).Value;

    public static JsonElement Json(string file) =>
        Documents.GetOrAdd(file, name =>
            new Lazy<JsonDocument>(() => JsonDocument.Parse(File.ReadAllBytes(PathOf(name))))).Value.RootElement;

    /// <summary>All cases of a group of the manifest (<c>ops</c>, <c>optim</c>, <c>models</c> ...), optionally of one operation.</summary>
    public static IReadOnlyList<ReferenceCase> Cases(string group, string? op = null)
    {
        ReferenceCase[] cases = Json("manifest.json").GetProperty("cases").EnumerateArray()
            .Where(c => c.GetProperty("group").GetString() == group && (op is null || c.GetProperty("op").GetString() == op))
            .Select(ReferenceCase.Create)
            .ToArray();
        return cases.Length > 0 ? cases : throw new ArgumentException($"The manifest has no case of group '{group}', operation '{op}'.");
    }

    public static ReferenceTensor<float> Float32(string file, string tensor)
    {
        SafetensorsEntry entry = Open(file).Entry(tensor);
        float[] data = new float[entry.Count];
        entry.ReadFloat32(data);
        return new ReferenceTensor<float>(data, ShapeOf(entry));
    }

    public static ReferenceTensor<double> Float64(string file, string tensor) => Raw<double>(file, tensor, SafetensorsDType.F64);

    public static ReferenceTensor<long> Int64(string file, string tensor) => Raw<long>(file, tensor, SafetensorsDType.I64);

    public static ReferenceTensor<byte> Bytes(string file, string tensor) => Raw<byte>(file, tensor, SafetensorsDType.U8);

    /// <summary>Names of a file's tensors that begin with the prefix, without it.</summary>
    public static IEnumerable<string> NamesUnder(string file, string prefix) =>
        Open(file).Names.Where(n => n.StartsWith(prefix, StringComparison.Ordinal)).Select(n => n[prefix.Length..]);

    static ReferenceTensor<T> Raw<T>(string file, string tensor, SafetensorsDType dtype) where T : unmanaged
    {
        SafetensorsEntry entry = Open(file).Entry(tensor);
        if (entry.DType != dtype)
            throw new ArgumentException($"{file}: {entry} is not {dtype.Name()}.");
        T[] data = new T[entry.Count];
        entry.Read(MemoryMarshal.AsBytes(data.AsSpan()));
        return new ReferenceTensor<T>(data, ShapeOf(entry));
    }

    static int[] ShapeOf(SafetensorsEntry entry) => Array.ConvertAll(entry.Shape.ToArray(), static s => checked((int)s));
}
