using System.Runtime.InteropServices;
using System.Text;
using PerturbedForgetting.Cuda.Driver;

namespace PerturbedForgetting.Simulator.Driver;

/// <summary>Entry points for errors, devices and contexts.</summary>
static unsafe class DeviceEntries
{
    // Pointers to these strings are handed out and must stay valid.
    static readonly Dictionary<CudaResult, nint> texts = Enum.GetValues<CudaResult>().ToDictionary(static code => code, static code =>
    {
        string text = code == CudaResult.Success ? "no error" : CudaErrors.NameOf(code)!["CUDA_ERROR_".Length..];
        return Marshal.StringToCoTaskMemUTF8(text.Replace('_', ' ').ToLowerInvariant());
    });

    [UnmanagedCallersOnly]
    public static CudaResult GetErrorString(CudaResult error, byte** text)
    {
        if (text is null)
            return CudaResult.InvalidValue;
        bool isKnown = texts.TryGetValue(error, out nint entry);
        *text = (byte*)entry;
        return isKnown ? CudaResult.Success : CudaResult.InvalidValue;
    }

    [UnmanagedCallersOnly]
    public static CudaResult DeviceGetName(byte* name, int length, int device) => Entry.Free(() =>
    {
        SimulatedDevice found = SimulatedDevice.Find(device);
        Write(name, length, found.Options.Card is { } card
            ? $"Software GPU as {card}"
            : $"Software GPU (sm_{found.Options.ComputeCapability})");
    });

    [UnmanagedCallersOnly]
    public static CudaResult DeviceGetAttribute(int* value, CudaDeviceAttribute attribute, int device) => Entry.Free(() =>
    {
        Entry.NotNull(value, "value");
        *value = DeviceProperties.Value(attribute, SimulatedDevice.Find(device).Options);
    });

    [UnmanagedCallersOnly]
    public static CudaResult DeviceTotalMem(nuint* bytes, int device) => Entry.Free(() =>
    {
        Entry.NotNull(bytes, "bytes");
        *bytes = (nuint)SimulatedDevice.Find(device).Options.MemoryBytes;
    });

    [UnmanagedCallersOnly]
    public static CudaResult DeviceGetPciBusId(byte* text, int length, int device) => Entry.Free(() =>
        Write(text, length, $"0000:{SimulatedDevice.Find(device).Handle & 0xff:x2}:00.0"));

    [UnmanagedCallersOnly]
    public static CudaResult DevicePrimaryCtxRetain(nint* context, int device) => Entry.Free(() =>
    {
        Entry.NotNull(context, "context");
        *context = SimulatedDevice.Find(device).Retain().Handle;
    });

    [UnmanagedCallersOnly]
    public static CudaResult DevicePrimaryCtxRelease(int device) => Entry.Free(() => SimulatedDevice.Find(device).Release());

    [UnmanagedCallersOnly]
    public static CudaResult CtxSetCurrent(nint context) => Entry.Free(() =>
        Entry.Current = context == 0 ? null : Handles.Find<SimulatedContext>(context)
            ?? throw new SimulatedError(CudaResult.InvalidContext, $"0x{context:x} is no context, or one that was destroyed"));

    [UnmanagedCallersOnly]
    public static CudaResult CtxSynchronize() => Entry.Run(static context =>
    {
        context.Captures.RefuseUnsafe("waiting for the device");
        context.Scheduler.HostWaitsForAll();
    });

    static void Write(byte* target, int length, string text)
    {
        Entry.NotNull(target, "the text's place");
        if (length <= 0)
            throw SimulatedError.InvalidValue($"a text of {length} bytes");
        int written = Encoding.UTF8.GetBytes(text.AsSpan(0, Math.Min(text.Length, length - 1)), new Span<byte>(target, length - 1));
        target[written] = 0;
    }
}
