using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Serialization;

namespace Benchmarks;

/// <summary>What the figures were measured on.</summary>
/// <param name="Processor">Name of the processor.</param>
/// <param name="Threads">Threads that computed.</param>
/// <param name="Instructions">Vector instructions in use.</param>
sealed record Machine(string Processor, int Threads, string Instructions)
{
    public static Machine Current => new(ProcessorName(), Cpu.Threads, CpuInfo.InstructionSet);

    static string ProcessorName()
    {
        const int LastBrand = unchecked((int)0x80000004);
        if (!X86Base.IsSupported || (uint)X86Base.CpuId(int.MinValue, 0).Eax < unchecked((uint)LastBrand))
            return Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER") ?? RuntimeInformation.ProcessArchitecture.ToString();
        int[] brand = [.. Enumerable.Range(LastBrand - 2, 3).Select(leaf => X86Base.CpuId(leaf, 0))
            .SelectMany(r => (int[])[r.Eax, r.Ebx, r.Ecx, r.Edx])];
        return Encoding.ASCII.GetString(MemoryMarshal.AsBytes<int>(brand)).TrimEnd('\0', ' ');
    }
}

/// <summary>The figures of a run, as <c>--save</c> keeps them.</summary>
/// <param name="Machine">Where.</param>
/// <param name="Date">When.</param>
/// <param name="Figures">What.</param>
/// <param name="Conditions">How quiet the machine was; null in files that do not say.</param>
sealed record SavedRun(Machine Machine, DateTimeOffset Date, IReadOnlyList<Figure> Figures, IReadOnlyList<Conditions>? Conditions = null)
{
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Write(string path) =>
        AtomicFile.Write(path, stream => JsonSerializer.Serialize(stream, this, SavedRunJson.Default.SavedRun));

    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="InvalidDataException">It holds something else; the message says where.</exception>
    public static SavedRun Read(string path)
    {
        SavedRun? run;
        try
        {
            using FileStream stream = File.OpenRead(path);
            run = JsonSerializer.Deserialize(stream, SavedRunJson.Default.SavedRun);
        }
        catch (JsonException e)
        {
            throw Damaged(path, e.Message, e);
        }
        if (run is null)
            throw Damaged(path, "it is empty");
        foreach (var figure in run.Figures)
        {
            if (figure is not { Median: > 0, Minimum: > 0, Runs: > 0 } || figure.Minimum > figure.Median)
                throw Damaged(path, $"the numbers of '{figure?.Name}' cannot be");
        }
        return run.Figures.GroupBy(f => f.Name).FirstOrDefault(g => g.Count() > 1) is { } twice
            ? throw Damaged(path, $"'{twice.Key}' is in it twice")
            : run;
    }

    static InvalidDataException Damaged(string path, string reason, Exception? cause = null) =>
        new($"'{path}' is not a run saved by --save: {reason.TrimEnd('.')}. Save one anew.", cause);
}

[JsonSerializable(typeof(SavedRun))]
[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
sealed partial class SavedRunJson : JsonSerializerContext;
