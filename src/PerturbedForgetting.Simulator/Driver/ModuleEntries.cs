using System.Runtime.InteropServices;
using System.Text;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Simulator.Execution;
using PerturbedForgetting.Simulator.Ptx;

namespace PerturbedForgetting.Simulator.Driver;

/// <summary>Entry points for modules and their kernels.</summary>
static unsafe class ModuleEntries
{
    [UnmanagedCallersOnly]
    public static CudaResult ModuleLoadDataEx(nint* module, void* image, uint optionCount, CudaJitOption* options, void** values) =>
        Entry.Run(context =>
    {
        Entry.NotNull(module, "module");
        Entry.NotNull(image, "image");
        // Drivers before CUDA 12.3 refuse it, and so may any that has to wait for the device or to allocate.
        context.Captures.RefuseUnsafe("loading a module");
        if (optionCount > 0)
        {
            Entry.NotNull(options, "options");
            Entry.NotNull(values, "values");
        }
        try
        {
            *module = context.Register(Load(context, image));
            WriteLog("", CudaJitOption.ErrorLogBuffer, CudaJitOption.ErrorLogBufferSizeBytes, optionCount, options, values);
        }
        catch (SimulatedError error)
        {
            WriteLog("error: " + error.Message, CudaJitOption.ErrorLogBuffer, CudaJitOption.ErrorLogBufferSizeBytes, optionCount, options,
                values);
            throw;
        }
        finally
        {
            WriteLog("", CudaJitOption.InfoLogBuffer, CudaJitOption.InfoLogBufferSizeBytes, optionCount, options, values);
        }
    });

    [UnmanagedCallersOnly]
    public static CudaResult ModuleUnload(nint module) => Entry.Run(context =>
    {
        SimulatedModule found = Entry.Object<SimulatedModule>(module, "module");
        context.Captures.RefuseUnsafe("unloading a module");
        context.Scheduler.HostWaitsForAll();
        found.Unload();
        context.Unregister(module, found);
    });

    [UnmanagedCallersOnly]
    public static CudaResult ModuleGetFunction(nint* function, nint module, byte* name) => Entry.Run(_ =>
    {
        Entry.NotNull(function, "function");
        Entry.NotNull(name, "name");
        SimulatedModule found = Entry.Object<SimulatedModule>(module, "module");
        string wanted = Marshal.PtrToStringUTF8((nint)name)!;
        *function = found.Find(wanted)?.Handle ?? throw new SimulatedError(CudaResult.NotFound, $"the module has no kernel '{wanted}'");
    });

    [UnmanagedCallersOnly]
    public static CudaResult FuncGetAttribute(int* value, CudaFunctionAttribute attribute, nint function) => Entry.Run(_ =>
    {
        Entry.NotNull(value, "value");
        *value = Function(function).Attribute(attribute);
    });

    [UnmanagedCallersOnly]
    public static CudaResult FuncSetAttribute(nint function, CudaFunctionAttribute attribute, int value) => Entry.Run(_ =>
        Function(function).Set(attribute, value));

    [UnmanagedCallersOnly]
    public static CudaResult LaunchKernel(nint function, uint gridX, uint gridY, uint gridZ, uint blockX, uint blockY, uint blockZ,
        uint sharedBytes, nint stream, void** parameters, void** extra) => Entry.Run(context =>
        new KernelLaunch(context, Function(function), new LaunchSize(gridX, gridY, gridZ), new LaunchSize(blockX, blockY, blockZ),
            sharedBytes)
            .Enqueue(Entry.Stream(context, stream), parameters, extra));

    static SimulatedFunction Function(nint handle) => Entry.Object<SimulatedFunction>(handle, "kernel");

    static SimulatedModule Load(SimulatedContext context, void* image)
    {
        ReadOnlySpan<byte> bytes = new(image, MemoryMarshal.CreateReadOnlySpanFromNullTerminated((byte*)image).Length + 1);
        PtxHeader header = PtxHeader.Read(bytes)
            ?? throw new SimulatedError(CudaResult.InvalidImage, "the image is no PTX text; the software GPU loads nothing else");
        SimulatedDeviceOptions options = context.Device.Options;
        if (header.Version > PtxCompatibility.NewestPtx(options.DriverVersion))
            throw new SimulatedError(CudaResult.UnsupportedPtxVersion,
                PtxCompatibility.Explain(header.Version, header.Target, options.DriverVersion, options.ComputeCapability) ?? "");
        if (PtxCompatibility.Explain(header.Version, header.Target, options.DriverVersion, options.ComputeCapability) is { } reason)
            throw new SimulatedError(CudaResult.InvalidPtx, reason);
        try
        {
            string name = NameOf(bytes, header), text = Encoding.UTF8.GetString(bytes[..^1]);
            DeviceModule module = DeviceModule.Load(name, options.EditModule?.Invoke(name, text) ?? text, context.Memory);
            context.WatchOrder();
            return new SimulatedModule(context, module, header.Version);
        }
        catch (PtxException e)
        {
            throw new SimulatedError(CudaResult.InvalidPtx, e.Message);
        }
    }

    // The driver is not told a file's name. In messages stands how all its kernels' names begin, as in this project's files; else the first
    // source file in the text, or the first kernel.
    static string NameOf(ReadOnlySpan<byte> text, PtxHeader header)
    {
        for (string name = header.ParameterSizes.Keys
            .FirstOrDefault(""); name.Length > 0; name = name[..Math.Max(name.LastIndexOf('_'), 0)])
        {
            if (header.ParameterSizes.Keys.All(kernel => kernel == name || kernel.StartsWith(name + "_", StringComparison.Ordinal)))
                return name;
        }
        ReadOnlySpan<byte> file = ".file\t1 \""u8;
        int at = text.IndexOf(file);
        if (at < 0)
            return header.ParameterSizes.Keys.Order(StringComparer.Ordinal).FirstOrDefault("module");
        ReadOnlySpan<byte> path = text[(at + file.Length)..];
        return Path.GetFileNameWithoutExtension(Encoding.UTF8.GetString(path[..Math.Max(path.IndexOf((byte)'"'), 0)]));
    }

    // The size's slot is the size of the buffer before the call and the length of the log after it.
    static void WriteLog(string log, CudaJitOption buffer, CudaJitOption size, uint count, CudaJitOption* options, void** values)
    {
        byte* target = null;
        int at = -1;
        for (int i = 0; i < count; i++)
        {
            if (options[i] == buffer)
                target = (byte*)values[i];
            else if (options[i] == size)
                at = i;
        }
        if (target is null || at < 0 || (uint)(nuint)values[at] == 0)
            return;
        int capacity = (int)Math.Min((uint)(nuint)values[at], int.MaxValue);
        byte[] bytes = Encoding.UTF8.GetBytes(log);
        int length = Math.Min(bytes.Length, capacity - 1);
        bytes.AsSpan(0, length).CopyTo(new Span<byte>(target, length));
        target[length] = 0;
        values[at] = (void*)(nuint)(uint)(length + 1);
    }
}
