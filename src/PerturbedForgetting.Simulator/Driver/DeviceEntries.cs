using System.Runtime.InteropServices;
using System.Text;
using PerturbedForgetting.Cuda.Driver;

namespace PerturbedForgetting.Simulator.Driver;

/// <summary>Entry points for errors, devices and contexts.</summary>
static unsafe class DeviceEntries
{
    // Pointers to these strings are handed out and must stay valid.
    static readonly Dictionary<CudaResult, (nint Name, nint Text)> texts = Enum.GetValues<CudaResult>().ToDictionary(code => code, code =>
    {
        string name = CudaErrors.NameOf(code)!;
        string text = name.Replace("CUDA_ERROR_", "", StringComparison.Ordinal).Replace("CUDA_SUCCESS", "no error", StringComparison.Ordinal);
        return (Marshal.StringToCoTaskMemUTF8(name), Marshal.StringToCoTaskMemUTF8(text.Replace('_', ' ').ToLowerInvariant()));
    });

    [UnmanagedCallersOnly]
    public static CudaResult GetErrorName(CudaResult error, byte** text) => Text(error, text, isName: true);

    [UnmanagedCallersOnly]
    public static CudaResult GetErrorString(CudaResult error, byte** text) => Text(error, text, isName: false);

    static CudaResult Text(CudaResult error, byte** text, bool isName)
    {
        if (text is null)
            return CudaResult.InvalidValue;
        bool isKnown = texts.TryGetValue(error, out (nint Name, nint Text) entry);
        *text = (byte*)(isName ? entry.Name : entry.Text);
        return isKnown ? CudaResult.Success : CudaResult.InvalidValue;
    }

    [UnmanagedCallersOnly]
    public static CudaResult DeviceGetName(byte* name, int length, int device) => Entry.Free(() =>
    {
        SimulatedDevice found = SimulatedDevice.Find(device);
        Write(name, length, $"Software GPU (sm_{found.Options.ComputeCapability})");
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
    public static CudaResult DeviceGetUuid(CudaUuid* uuid, int device) => Entry.Free(() =>
    {
        Entry.NotNull(uuid, "uuid");
        int handle = SimulatedDevice.Find(device).Handle;
        *uuid = default;
        Encoding.ASCII.GetBytes("software GPU", new Span<byte>(uuid, sizeof(CudaUuid)));
        BitConverter.TryWriteBytes(new Span<byte>((byte*)uuid + 12, 4), handle);
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
    public static CudaResult DevicePrimaryCtxSetFlags(int device, uint flags) => Entry.Free(() => SimulatedDevice.Find(device).SetFlags(flags));

    [UnmanagedCallersOnly]
    public static CudaResult DevicePrimaryCtxGetState(int device, uint* flags, int* active) => Entry.Free(() =>
    {
        Entry.NotNull(flags, "flags");
        Entry.NotNull(active, "active");
        SimulatedDevice found = SimulatedDevice.Find(device);
        (*flags, *active) = (found.Flags, found.Context is null ? 0 : 1);
    });

    [UnmanagedCallersOnly]
    public static CudaResult DevicePrimaryCtxReset(int device) => Entry.Free(() => SimulatedDevice.Find(device).Reset());

    [UnmanagedCallersOnly]
    public static CudaResult CtxSetCurrent(nint context) => Entry.Free(() =>
        Entry.Current = context == 0 ? null : Handles.Find<SimulatedContext>(context)
            ?? throw new SimulatedError(CudaResult.InvalidContext, $"0x{context:x} is no context, or one that was destroyed"));

    [UnmanagedCallersOnly]
    public static CudaResult CtxGetCurrent(nint* context) => Entry.Free(() =>
    {
        Entry.NotNull(context, "context");
        *context = Entry.Current?.Handle ?? 0;
    });

    [UnmanagedCallersOnly]
    public static CudaResult CtxSynchronize() => Entry.Run(static context =>
    {
        context.Captures.RefuseUnsafe("waiting for the device");
        context.Scheduler.HostWaitsForAll();
    });

    [UnmanagedCallersOnly]
    public static CudaResult CtxGetDevice(int* device) => Entry.Run(context =>
    {
        Entry.NotNull(device, "device");
        *device = context.Device.Handle;
    });

    [UnmanagedCallersOnly]
    public static CudaResult CtxGetStreamPriorityRange(int* least, int* greatest) => Entry.Run(_ =>
    {
        // Either may be null, by the interface.
        if (least is not null)
            *least = 0;
        if (greatest is not null)
            *greatest = StreamEntries.GreatestPriority;
    });

    [UnmanagedCallersOnly]
    public static CudaResult CtxSetLimit(CudaLimit limit, nuint value) => Entry.Run(context => context.Limits[Known(limit)] = value);

    [UnmanagedCallersOnly]
    public static CudaResult CtxGetLimit(nuint* value, CudaLimit limit) => Entry.Run(context =>
    {
        Entry.NotNull(value, "value");
        *value = context.Limits.GetValueOrDefault(Known(limit));
    });

    static CudaLimit Known(CudaLimit limit) => Enum.IsDefined(limit) ? limit : throw SimulatedError.InvalidValue($"{(int)limit} is no limit");

    static void Write(byte* target, int length, string text)
    {
        Entry.NotNull(target, "the text's place");
        if (length <= 0)
            throw SimulatedError.InvalidValue($"a text of {length} bytes");
        int written = Encoding.UTF8.GetBytes(text.AsSpan(0, Math.Min(text.Length, length - 1)), new Span<byte>(target, length - 1));
        target[written] = 0;
    }
}
