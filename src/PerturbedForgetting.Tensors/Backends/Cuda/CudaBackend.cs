using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Blas;
using PerturbedForgetting.Cuda.Dnn;
using PerturbedForgetting.Cuda.Libraries;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;
using PerturbedForgetting.Tensors.Memory;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

/// <summary>
/// The operations on a GPU, one file an operation family: this project's kernels, cuBLAS for matrix products, cuDNN for
/// convolutions. Everything is put on one stream and runs in its order; only <see cref="Download"/> waits. Dense tensors are
/// float32.
/// </summary>
unsafe sealed partial class CudaBackend : Backend, IDisposable
{
    /// <summary>Threads of a block, unless a family says otherwise.</summary>
    const int Threads = 256;

    readonly CudaWorkplace workplace;
    readonly UploadRing uploads;
    readonly DeviceOptions options;
    readonly KernelLibrary library;
    readonly CudaStream stream;
    readonly MatrixProducts matrices;
    readonly Cudnn? cudnn;
    readonly List<string> notes = [];

    /// <param name="workplace">Where it works.</param>
    /// <param name="uploads">How values of the host get to the device.</param>
    /// <param name="libraries">cuBLAS and cuDNN, as far as they are there.</param>
    /// <param name="options">How it computes.</param>
    public CudaBackend(CudaWorkplace workplace, UploadRing uploads, CudaLibraries libraries, DeviceOptions options)
    {
        (this.workplace, this.uploads, this.options) = (workplace, uploads, options);
        (library, stream) = (workplace.Kernels, workplace.Stream);
        CudaContext context = workplace.Context;
        IReadOnlyList<LibraryStatus> status = libraries.Status(context.Device.DriverVersion);
        DeviceBuffer<byte>? workspace = null;
        Cublas? cublas = Start(status, CudaLibrary.Cublas, () => new Cublas(context, libraries.Cublas), made =>
        {
            made.AllowTf32 = options.AllowTf32;
            made.SetStream(stream);
            workspace = MatrixProducts.AllocateWorkspace(context);
            made.SetWorkspace(workspace.Pointer, workspace.Count);
        });
        if (cublas is null)
            workspace?.Dispose();
        CublasLt? cublasLt = cublas is null
            ? null
            : Start(status, CudaLibrary.CublasLt, () => new CublasLt(context, libraries.CublasLt), static _ => { });
        matrices = new MatrixProducts(library, stream, cublas, cublasLt, cublas is null ? null : workspace, options.AllowTf32);
        cudnn = Start(status, CudaLibrary.Cudnn, () => new Cudnn(context, libraries.Cudnn), made => made.SetStream(stream));
    }

    /// <summary>Whether it computes with a library.</summary>
    public bool Uses(CudaLibrary wanted) => wanted == CudaLibrary.Cudnn ? cudnn is not null : matrices.Uses(wanted);

    /// <summary>Where it works.</summary>
    public CudaWorkplace Workplace => workplace;

    /// <summary>What a person should know about how it computes.</summary>
    public IReadOnlyList<string> Notes => notes;

    /// <summary>Adds to <see cref="Notes"/>; one that is there already is not said again.</summary>
    public void Note(string text)
    {
        if (!notes.Contains(text))
            notes.Add(text);
    }

    public override void Fill(Tensor y, double value)
    {
        ulong bits = y.DType switch
        {
            DType.Float32 => BitConverter.SingleToUInt32Bits((float)value),
            DType.Float64 => BitConverter.DoubleToUInt64Bits(value),
            DType.Int32 => (uint)(int)value,
            DType.Int64 => (ulong)(long)value,
            _ => (byte)value,
        };
        if (y.Count == 0)
            return;
        DevicePointer pointer = Pointer(y);
        if (y.DType.Size() == 1)
            stream.FillBytes(pointer, (byte)bits, y.Count);
        else if (y.DType.Size() == 4)
            stream.FillWords(pointer, (uint)bits, y.Count);
        else if ((uint)bits == bits >> 32)
            stream.FillWords(pointer, (uint)bits, 2 * y.Count);
        else
            library.Get("memory_fill").Launch(stream.Moving(0, Bytes(y)), LaunchGrid.Blocks(y.Count, Threads), Threads, 0,
                pointer, bits, y.Count);
    }

    public override void Copy(Tensor x, Tensor y)
    {
        if (y.Count > 0)
            stream.Copy(Pointer(y), Pointer(x), Bytes(y));
    }

    public override void Cast(Tensor x, Tensor y)
    {
        if (x.DType == y.DType)
            Copy(x, y);
        else if (y.Count > 0)
            library.Get($"memory_cast_{Short(x.DType)}_{Short(y.DType)}").Launch(
                Moving([x], [y]), LaunchGrid.Blocks(y.Count, Threads), Threads, 0, Pointer(y), Pointer(x), y.Count);
    }

    static string Short(DType type) => type switch
    {
        DType.Float32 => "f32",
        DType.Float64 => "f64",
        DType.Int32 => "i32",
        DType.Int64 => "i64",
        _ => "u8",
    };

    public override void Upload(ReadOnlySpan<byte> host, Tensor y)
    {
        if (workplace.IsCapturing)
            throw new InvalidOperationException(
                $"Values of the host cannot become part of a graph, but {y} is being set from the host while one is recorded.");
        uploads.Upload(Pointer(y), host);
    }

    public override void Download(Tensor x, Span<byte> host)
    {
        if (host.IsEmpty)
            return;
        if (workplace.IsCapturing)
            throw new InvalidOperationException($"The host cannot read {x} while a graph is being recorded: nothing runs meanwhile.");
        fixed (byte* destination = host)
        {
            stream.Download(destination, Pointer(x), host.Length);
            workplace.Synchronize();
        }
    }

    public void Dispose()
    {
        copies?.Dispose();
        cudnn?.Dispose();
        matrices.Dispose();
    }

    /// <summary>Starts a library, or notes what its absence costs: that of one that is missing, and of one that is there and does not
    /// start.</summary>
    /// <exception cref="CudaLibraryException">It does not start, and it was named.</exception>
    T? Start<T>(IReadOnlyList<LibraryStatus> all, CudaLibrary wanted, Func<T> make, Action<T> prepare) where T : class, IDisposable
    {
        LibraryStatus status = all.First(s => s.Library == wanted);
        int driverVersion = workplace.Context.Device.DriverVersion;
        if (status.WhyUnusable is null)
        {
            T? made = null;
            try
            {
                made = make();
                prepare(made);
                return made;
            }
            catch (CudaLibraryException e)
            {
                made?.Dispose();
                status = CudaLibraries.Failed(status, e, driverVersion);
            }
        }
        Note(CudaLibraries.Note(status, driverVersion));
        return null;
    }

    /// <summary>
    /// The stream, told what the launch that follows moves at the least: tensors that it reads once and tensors that it writes once; null
    /// is none. What it reads again from cache does not count.
    /// </summary>
    CudaStream Moving(ReadOnlySpan<Tensor?> read, ReadOnlySpan<Tensor?> written, long operations = 0) =>
        stream.Observer is null ? stream : stream.Moving(Bytes(read), Bytes(written), operations);

    static long Bytes(ReadOnlySpan<Tensor?> tensors)
    {
        long bytes = 0;
        foreach (Tensor? t in tensors)
            bytes += t is null ? 0 : Bytes(t);
        return bytes;
    }

    static long Bytes(Tensor t) => t.Count * t.DType.Size();

    internal static DevicePointer Pointer(Tensor t) => new((ulong)t.Address);

    /// <summary>A float32 tensor's address. It may be a view that begins anywhere: kernels with accesses of 16 bytes look for
    /// themselves, or are chosen by <see cref="VectorAccess"/>.</summary>
    static DevicePointer Dense(Tensor t) => t.DType == DType.Float32
        ? Pointer(t)
        : throw new NotSupportedException($"On a GPU dense tensors are Float32, not {t}. Use `device` cpu for Float64.");

    static DevicePointer PointerOrNull(Tensor? t) => t is null ? DevicePointer.Null : Pointer(t);

    static DevicePointer DenseOrNull(Tensor? t) => t is null ? DevicePointer.Null : Dense(t);

    /// <summary>A float32 tensor that begins at a multiple of 16 bytes: itself, or a copy of a view that does not. For what is read many
    /// times, and by libraries.</summary>
    readonly struct Whole : IDisposable
    {
        readonly Scratch copy;

        public Whole(CudaBackend backend, Tensor t)
        {
            Pointer = Dense(t);
            if (VectorAccess.Fits(t))
                return;
            copy = backend.Floats(t.Count);
            backend.stream.Copy(copy.Pointer, Pointer, Bytes(t));
            Pointer = copy.Pointer;
        }

        public DevicePointer Pointer { get; }

        public void Dispose() => copy.Dispose();
    }

    /// <summary>Memory that is given back when the operation has been put on the stream: whoever gets it next comes later there.</summary>
    readonly struct Scratch(CachingAllocator allocator, long count, DType type) : IDisposable
    {
        readonly Storage? storage = count == 0 ? null : allocator.Allocate(count, type);

        public DevicePointer Pointer => storage is null ? DevicePointer.Null : new((ulong)storage.Pointer);

        public void Dispose() => storage?.Release();
    }

    Scratch Floats(long count) => new(workplace.Allocator, count, DType.Float32);

    Scratch Doubles(long count) => new(workplace.Allocator, count, DType.Float64);
}
