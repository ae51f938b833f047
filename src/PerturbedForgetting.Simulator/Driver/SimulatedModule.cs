using System.Globalization;
using PerturbedForgetting.Cuda.Cards;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Simulator.Execution;

namespace PerturbedForgetting.Simulator.Driver;

/// <summary>A loaded module with the handles of its kernels.</summary>
sealed class SimulatedModule(SimulatedContext context, DeviceModule module, int ptxVersion) : IDisposable
{
    readonly Dictionary<string, SimulatedFunction> functions = [];

    public DeviceModule Module => module;

    /// <summary>The kernel of a name; null when there is none.</summary>
    public SimulatedFunction? Find(string name)
    {
        if (!functions.TryGetValue(name, out SimulatedFunction? function) && module.TryFindKernel(name, out KernelProgram program))
        {
            function = new SimulatedFunction(context, program, ptxVersion);
            function.Handle = context.Register(function);
            functions.Add(name, function);
        }
        return function;
    }

    /// <summary>Takes the kernels' handles back.</summary>
    public void Unload()
    {
        foreach (SimulatedFunction function in functions.Values)
            context.Unregister(function.Handle, function);
        functions.Clear();
        Dispose();
    }

    public void Dispose() => module.Dispose();
}

/// <summary>A kernel with what a launch may ask of it.</summary>
sealed class SimulatedFunction(SimulatedContext context, KernelProgram program, int ptxVersion)
{
    public nint Handle { get; set; }

    public KernelProgram Program => program;

    /// <summary>The limit that the host set; dynamic shared memory beyond the usual limit needs it.</summary>
    public int? MaxDynamicShared { get; private set; }

    public int PreferredCarveout { get; private set; } = -1;

    /// <summary>Registers of a thread: what is live at once, but no more than lets the declared block run, as a compiler spills the
    /// rest.</summary>
    public int Registers => Math.Clamp(program.RegisterCount, 16, Occupancy.MostRegisters(Math.Max(program.Function.MaximumThreads, 1)));

    public int MaxThreads =>
        Math.Min(Occupancy.MaxThreads(Registers), program.Function.MaximumThreads > 0 ? program.Function.MaximumThreads : 1024);

    public int DynamicSharedLimit => MaxDynamicShared ?? CapabilityLimits.SharedPerBlock - program.SharedBytes;

    /// <summary>The most dynamic shared memory that the host may ask for.</summary>
    public int MostDynamicShared => context.Device.Options.Limits.SharedPerBlockOptIn - program.SharedBytes;

    public int Attribute(CudaFunctionAttribute attribute) => attribute switch
    {
        CudaFunctionAttribute.MaxThreadsPerBlock => MaxThreads,
        CudaFunctionAttribute.SharedSizeBytes => program.SharedBytes,
        CudaFunctionAttribute.ConstSizeBytes => 0,
        CudaFunctionAttribute.LocalSizeBytes => program.LocalBytes,
        CudaFunctionAttribute.Registers => Registers,
        CudaFunctionAttribute.PtxVersion => ptxVersion,
        CudaFunctionAttribute.BinaryVersion => context.Device.Options.ComputeCapability,
        CudaFunctionAttribute.CacheModeCa => 0,
        CudaFunctionAttribute.MaxDynamicSharedSizeBytes => DynamicSharedLimit,
        CudaFunctionAttribute.PreferredSharedMemoryCarveout => PreferredCarveout,
        _ => throw SimulatedError.InvalidValue($"{(int)attribute} is no attribute of a kernel that the software GPU knows"),
    };

    public void Set(CudaFunctionAttribute attribute, int value)
    {
        switch (attribute)
        {
            case CudaFunctionAttribute.MaxDynamicSharedSizeBytes when value < 0 || value > MostDynamicShared:
                throw SimulatedError.InvalidValue($"{program.Name} has {program.SharedBytes} bytes of static shared memory and asks for "
                    + $"{value} more; a block may have {context.Device.Options.Limits.SharedPerBlockOptIn}");
            case CudaFunctionAttribute.MaxDynamicSharedSizeBytes:
                MaxDynamicShared = value;
                break;
            case CudaFunctionAttribute.PreferredSharedMemoryCarveout when value is >= -1 and <= 100:
                PreferredCarveout = value;
                break;
            default:
                throw SimulatedError.InvalidValue($"attribute {attribute} cannot be set to {value.ToString(CultureInfo.InvariantCulture)}");
        }
    }
}
