using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Backends;
using PerturbedForgetting.Tensors.Memory;

namespace PerturbedForgetting.Tensors;

/// <summary>
/// A dense row-major array on a device. Images and activations are N,H,W,C, tokens B,N,C, convolution weights O,kh,kw,I.
/// A tensor made while a <see cref="Scope"/> is open belongs to that scope; one made outside belongs to its maker, who disposes it.
/// A view shares the memory of another tensor and does not own it.
/// </summary>
public partial class Tensor : IDisposable
{
    long offset;
    int generation;
    Node? node;

    internal Tensor(Storage storage, long offsetBytes, Shape shape, DType type, Device device)
    {
        Rebind(storage, offsetBytes);
        Shape = shape;
        DType = type;
        Device = device;
    }

    /// <summary>Extents.</summary>
    public Shape Shape { get; private set; }

    /// <summary>Element type.</summary>
    public DType DType { get; private set; }

    /// <summary>Where it lives.</summary>
    public Device Device { get; private set; }

    /// <summary>The operations of its device on tensors of its type.</summary>
    internal Backend Backend => Device.Backend.For(DType);

    /// <summary>Number of elements.</summary>
    public long Count => Shape.Count;

    internal Storage Storage { get; private set; }

    /// <summary>When above 0, all elements are known to lie in [0, this), so that no operation needs to look; writing forgets it.</summary>
    internal int KnownBelow { get; set; }

    /// <summary>What the tape knows of how this tensor was made; none for leaves and without gradients.</summary>
    /// <exception cref="InvalidOperationException">The scope around the forward pass has ended, and the node belongs to another tensor
    /// now.</exception>
    internal Node? Node
    {
        get => node is null || node.Output == this ? node : throw new InvalidOperationException(Node.Gone);
        set
        {
            node = value;
            value!.Output = this;
        }
    }

    /// <summary>Whether a backward pass through this tensor leads to a parameter.</summary>
    public virtual bool RequiresGrad => node is not null;

    /// <summary>Device address of the first element, to which recorded work is tied.</summary>
    /// <exception cref="ObjectDisposedException">The scope that owned the tensor has ended.</exception>
    public nint Address
    {
        get
        {
            if (generation != Storage.Generation)
                throw new ObjectDisposedException(nameof(Tensor),
                    $"A tensor {Shape} was used after its scope had ended. Return it from the scope, or copy its values out before.");
            return Storage.Pointer + (nint)offset;
        }
    }

    /// <summary>A tensor of undefined content, owned by the open scope or else by the caller.</summary>
    public static Tensor Empty(Shape shape, DType type = DType.Float32, Device? device = null)
    {
        device ??= Device.Cpu;
        var storage = device.Allocator.Allocate(shape, type);
        Scope.Current?.Own(storage);
        return Make(storage, 0, shape, type, device);
    }

    /// <summary>A tensor of undefined content that belongs to the caller even inside a scope, for parameters and state.</summary>
    public static Tensor Persistent(Shape shape, DType type = DType.Float32, Device? device = null)
    {
        device ??= Device.Cpu;
        return new Tensor(device.Allocator.Allocate(shape, type), 0, shape, type, device);
    }

    /// <summary>
    /// As <see cref="Persistent"/>, for what the tape alone keeps: no caller may ever see it, because after the outermost scope the
    /// object serves as another tensor.
    /// </summary>
    internal static Tensor Hidden(Shape shape, DType type, Device device) =>
        Make(device.Allocator.Allocate(shape, type), 0, shape, type, device, isHidden: GradMode.Enabled);

    /// <summary>A tensor of zeros.</summary>
    public static Tensor Zeros(Shape shape, DType type = DType.Float32, Device? device = null) => Empty(shape, type, device).Fill(0);

    /// <summary>A tensor of ones.</summary>
    public static Tensor Ones(Shape shape, DType type = DType.Float32, Device? device = null) => Empty(shape, type, device).Fill(1);

    /// <summary>A tensor with the given values, row-major.</summary>
    /// <exception cref="ArgumentException">The number of values is not that of the shape.</exception>
    public static Tensor From<T>(ReadOnlySpan<T> values, Shape shape, Device? device = null) where T : unmanaged =>
        Empty(shape, DTypes.Of<T>(), device).CopyFrom(values);

    /// <inheritdoc cref="From{T}(ReadOnlySpan{T}, Shape, Device?)"/>
    public static Tensor From<T>(T[] values, Shape shape, Device? device = null) where T : unmanaged =>
        From((ReadOnlySpan<T>)values, shape, device);

    /// <summary>A tensor of undefined content with this one's shape, type and device.</summary>
    public Tensor EmptyLike() => Empty(Shape, DType, Device);

    /// <summary>Sets every element.</summary>
    public Tensor Fill(double value)
    {
        KnownBelow = 0;
        Device.Backend.Fill(this, value);
        return this;
    }

    /// <summary>Overwrites the elements from host memory.</summary>
    /// <exception cref="ArgumentException">Other element type or number of values.</exception>
    public Tensor CopyFrom<T>(ReadOnlySpan<T> values) where T : unmanaged
    {
        RequireHost<T>(values.Length);
        // Labels, as a rule: who has them at hand looks at them now, so that no operation must wait for the device to do it.
        KnownBelow = typeof(T) == typeof(int) ? Bound(MemoryMarshal.Cast<T, int>(values)) : 0;
        Device.Backend.Upload(MemoryMarshal.AsBytes(values), this);
        return this;
    }

    /// <summary>Overwrites the elements with another tensor's of the same type and number.</summary>
    public Tensor CopyFrom(Tensor source)
    {
        if (source.DType != DType || source.Count != Count)
            throw new ArgumentException($"Cannot copy {source.DType} {source.Shape} into {DType} {Shape}.");
        KnownBelow = source.KnownBelow;
        Device.Backend.Copy(source, this);
        return this;
    }

    /// <summary>Copies the elements to host memory.</summary>
    /// <exception cref="ArgumentException">Other element type or number of values.</exception>
    public void CopyTo<T>(Span<T> destination) where T : unmanaged
    {
        RequireHost<T>(destination.Length);
        Device.Backend.Download(this, MemoryMarshal.AsBytes(destination));
    }

    /// <summary>The elements as a new array of the host.</summary>
    public T[] ToArray<T>() where T : unmanaged
    {
        var array = new T[Count];
        CopyTo<T>(array);
        return array;
    }

    /// <summary>The value of a tensor with one element, as double; waits for the device.</summary>
    public double Item() => Count != 1
        ? throw new InvalidOperationException($"Only a tensor with one element has an item; this one is {Shape}.")
        : DType switch
        {
            DType.Float32 => Single<float>(),
            DType.Float64 => Single<double>(),
            DType.Int32 => Single<int>(),
            DType.Int64 => Single<long>(),
            _ => Single<byte>(),
        };

    /// <summary>The same memory with another shape; outside the tape.</summary>
    internal Tensor View(Shape shape, long firstElement = 0)
    {
        if (firstElement < 0 || firstElement + shape.Count > Count)
            throw new ArgumentException($"A view {shape} from element {firstElement} does not fit into {Shape}.");
        return Make(shape, DType, firstElement * DType.Size(), KnownBelow);
    }

    /// <summary>A part of the memory as another type; outside the tape.</summary>
    internal Tensor Reinterpret(Shape shape, DType type, long firstByte)
    {
        if (firstByte < 0 || firstByte % type.Size() != 0 || firstByte + shape.Count * type.Size() > Count * DType.Size())
            throw new ArgumentException($"A view {type} {shape} from byte {firstByte} does not fit into {this}.");
        return Make(shape, type, firstByte);
    }

    /// <summary>The same values, cut off from the tape.</summary>
    public Tensor Detach() => View(Shape);

    /// <summary>Runs the backward pass from this tensor; a scalar starts from 1 where no gradient is given.</summary>
    /// <exception cref="InvalidOperationException">Nothing here leads to a parameter, or the graph was already used.</exception>
    public void Backward(Tensor? gradient = null) => BackwardPass.Run(this, gradient);

    /// <summary>Gives back the memory of a tensor made outside any scope.</summary>
    public void Dispose()
    {
        if (generation == Storage.Generation)
            Storage.Release();
        GC.SuppressFinalize(this);
    }

    [MemberNotNull(nameof(Storage))]
    internal void Rebind(Storage storage, long offsetBytes)
    {
        Storage = storage;
        offset = offsetBytes;
        generation = storage.Generation;
    }

    /// <summary>Lets go of everything, before the object becomes another tensor.</summary>
    internal void Forget()
    {
        (Storage, Device, node) = (null!, null!, null);
        KnownBelow = 0;
    }

    /// <summary><see cref="Address"/> for a loop of the CPU.</summary>
    /// <exception cref="InvalidOperationException">The elements are another floating type.</exception>
    internal unsafe T* Pointer<T>() where T : unmanaged
    {
        if ((typeof(T) == typeof(float) && DType != DType.Float32) || (typeof(T) == typeof(double) && DType != DType.Float64))
            ThrowType<T>();
        return (T*)Address;
    }

    [DoesNotReturn]
    void ThrowType<T>() where T : unmanaged => throw new InvalidOperationException($"An operation on {DTypes.Of<T>()} was given {this}.");

    /// <summary>A view.</summary>
    Tensor Make(Shape shape, DType type, long firstByte, int knownBelow = 0)
    {
        var view = Make(Storage, offset + firstByte, shape, type, Device);
        (view.generation, view.KnownBelow) = (generation, knownBelow);
        return view;
    }

    static Tensor Make(Storage storage, long offset, Shape shape, DType type, Device device, bool isHidden = false)
    {
        if (Scope.Current is not { } scope || !(isHidden || scope.Hides))
            return new Tensor(storage, offset, shape, type, device);
        if (Scope.TakeSpare() is { } tensor)
        {
            tensor.Rebind(storage, offset);
            (tensor.Shape, tensor.DType, tensor.Device) = (shape, type, device);
        }
        else
            tensor = new Tensor(storage, offset, shape, type, device);
        scope.Hide(tensor);
        return tensor;
    }

    static int Bound(ReadOnlySpan<int> values)
    {
        int highest = -1;
        foreach (int value in values)
        {
            if (value is < 0 or int.MaxValue)
                return 0;
            highest = Math.Max(highest, value);
        }
        return highest + 1;
    }

    T Single<T>() where T : unmanaged
    {
        T value = default;
        CopyTo(new Span<T>(ref value));
        return value;
    }

    void RequireHost<T>(int length) where T : unmanaged
    {
        if (DTypes.Of<T>() != DType || length != Count)
            throw new ArgumentException($"{length} values of {DTypes.Of<T>()} do not fit a tensor {DType} {Shape}.");
    }

    /// <summary>For example <c>Float32[8, 1000] on cpu</c>.</summary>
    public override string ToString() => $"{DType}{Shape} on {Device}";
}
