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

    /// <summary>Registers of a thread, an estimate: what is live at once, but no more than the text allows (.maxnreg) and lets the declared
    /// blocks run (.maxntid, .reqntid, .minnctapersm), as a compiler spills the rest.</summary>
    public int Registers
    {
        get
        {
            int declared = Math.Max(DeclaredThreads, 1) * Math.Max(program.Function.MinimumBlocks, 1);
            int most = Occupancy.MostRegisters(Math.Min(declared, context.Device.Options.Limits.ThreadsPerMultiprocessor));
            if (program.Function.MaximumRegisters > 0)
                most = Math.Min(most, program.Function.MaximumRegisters);
            return Math.Min(Math.Max(program.RegisterCount, Occupancy.LeastRegisters), most);
        }
    }

    /// <summary>The most threads of a block: what the text says. The estimate of registers refuses nothing, for a compiler may do with
    /// fewer; how many it takes, only the real one says.</summary>
    public int MaxThreads => DeclaredThreads > 0
        ? Math.Min(DeclaredThreads, CapabilityLimits.ThreadsPerBlock)
        : CapabilityLimits.ThreadsPerBlock;

    int DeclaredThreads => program.Function.RequiredThreads is { } required
        ? required.X * required.Y * required.Z
        : program.Function.MaximumThreads;

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
