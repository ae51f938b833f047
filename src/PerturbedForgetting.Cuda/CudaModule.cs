using System.Text;
using PerturbedForgetting.Cuda.Driver;

namespace PerturbedForgetting.Cuda;

/// <summary>Kernels and variables that were loaded together from a PTX text or a cubin.</summary>
public sealed unsafe class CudaModule : CudaResource
{
    const int LogBytes = 16 * 1024;

    readonly nint handle;
    readonly PtxHeader? header;

    internal CudaModule(CudaContext context, ReadOnlySpan<byte> image, string name, JitOptions options) : base(context)
    {
        Name = name;
        header = PtxHeader.Read(image);
        context.MakeCurrent();
        byte[] info = new byte[LogBytes], error = new byte[LogBytes];
        fixed (byte* first = image, infoLog = info, errorLog = error)
        {
            CudaResult result = Load(first, infoLog, errorLog, options, out handle);
            Log = Text(info);
            if (result != CudaResult.Success)
                Api.Throw(result, nameof(Api.Call.ModuleLoadDataEx), Advice(result, Text(error)));
        }
    }

    /// <summary>What error messages call it.</summary>
    public string Name { get; }

    /// <summary>What the driver's compiler had to say; often empty.</summary>
    public string Log { get; }

    /// <summary>Names of its kernels, when it was loaded from PTX.</summary>
    public IEnumerable<string> KernelNames => header is null ? [] : header.ParameterSizes.Keys.Order(StringComparer.Ordinal);

    /// <summary>Names of the kernels of a PTX text, which is not loaded for that; none of anything else.</summary>
    public static IReadOnlyCollection<string> KernelsIn(ReadOnlySpan<byte> image) => PtxHeader.Read(image)?.ParameterSizes.Keys ?? [];

    /// <summary>A kernel of the module.</summary>
    /// <exception cref="CudaException">There is none of this name.</exception>
    public CudaKernel GetKernel(string name)
    {
        Use();
        nint function;
        fixed (byte* text = Encoding.UTF8.GetBytes(name + '\0'))
        {
            CudaResult result = Api.Call.ModuleGetFunction(&function, handle, text);
            if (result == CudaResult.NotFound)
                Api.Throw(result, nameof(Api.Call.ModuleGetFunction),
                    $"There is no kernel '{name}' in {Name}; it has {string.Join(", ", KernelNames)}.");
            Api.Check(result, nameof(Api.Call.ModuleGetFunction));
        }
        return new CudaKernel(this, name, function, header is not null && header.ParameterSizes.TryGetValue(name, out int[]? sizes)
            ? sizes
            : null);
    }

    /// <inheritdoc/>
    protected override CudaResult Release() => Api.Call.ModuleUnload(handle);

    CudaResult Load(byte* image, byte* infoLog, byte* errorLog, JitOptions options, out nint module)
    {
        const int MostOptions = 8;
        var names = stackalloc CudaJitOption[MostOptions];
        void** values = stackalloc void*[MostOptions];
        uint count = 0;
        Add(CudaJitOption.InfoLogBuffer, (nuint)infoLog);
        Add(CudaJitOption.InfoLogBufferSizeBytes, LogBytes);
        Add(CudaJitOption.ErrorLogBuffer, (nuint)errorLog);
        Add(CudaJitOption.ErrorLogBufferSizeBytes, LogBytes);
        Add(CudaJitOption.OptimizationLevel, (nuint)options.OptimizationLevel);
        Add(CudaJitOption.GenerateLineInfo, options.GenerateLineInfo ? 1u : 0);
        Add(CudaJitOption.LogVerbose, options.IsLogVerbose ? 1u : 0);
        if (options.MaxRegisters > 0)
            Add(CudaJitOption.MaxRegisters, (nuint)options.MaxRegisters);
        fixed (nint* made = &module)
            return Api.Call.ModuleLoadDataEx(made, image, count, names, values);

        // Numbers stand in the slot itself.
        void Add(CudaJitOption option, nuint value)
        {
            names[count] = option;
            values[count++] = (void*)value;
        }
    }

    string Advice(CudaResult result, string log)
    {
        string? known = header is null
            ? null
            : PtxCompatibility.Explain(header.Version, header.Target, Context.Device.DriverVersion, Context.Device.ComputeCapability);
        return $"{Name} cannot be loaded. {known ?? CudaErrors.RemedyFor(result)}" + (log.Length > 0 ? $"\n{log}" : "");
    }

    static string Text(byte[] log) => Encoding.UTF8.GetString(log.AsSpan(0, Math.Max(0, Array.IndexOf(log, (byte)0)))).Trim();
}
