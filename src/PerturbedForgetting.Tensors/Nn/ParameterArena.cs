using PerturbedForgetting.Tensors.Memory;

namespace PerturbedForgetting.Tensors.Nn;

/// <summary>Where a parameter lies in the arena.</summary>
/// <param name="Name">Its dotted name.</param>
/// <param name="Parameter">The parameter.</param>
/// <param name="Offset">First element.</param>
/// <param name="Count">Elements, without the padding behind them.</param>
public readonly record struct ParameterSegment(string Name, Parameter Parameter, long Offset, long Count);

/// <summary>What <see cref="ParameterArena.ViewGradients"/> and the backward passes since have left behind, to be put back after recorded
/// work was done again.</summary>
public sealed class GradientView
{
    internal GradientView(nint address, bool[] arrived) => (Address, Arrived) = (address, arrived);

    internal nint Address { get; }

    internal bool[] Arrived { get; }
}

/// <summary>
/// All parameters of a model in one flat buffer, in state-dictionary order, each aligned to 64 bytes with zeros between. Buffers of
/// the same layout hold gradients, momentum, moments and perturbed weights, so that a whole-model operation is one pass over
/// contiguous memory. The model's buffers lie together too, in <see cref="Buffers"/>. The parameters are views: <see cref="ViewWeights"/>
/// and <see cref="ViewGradients"/> switch which buffer they show, at no cost. That is how SAM moves to the perturbed weights and, bit for
/// bit, back.
/// </summary>
public sealed class ParameterArena : IDisposable
{
    const int Alignment = 64;

    readonly Device device;
    readonly DType type;
    readonly Storage weightView, gradientView;
    readonly ParameterSegment[] segments;
    readonly List<Tensor> buffers = [];

    /// <summary>Moves the parameters of a model into an arena; a model has one arena, made after its device and type are settled.</summary>
    /// <exception cref="ArgumentException">The model has no parameters, or they differ in device or type.</exception>
    public ParameterArena(Module model)
    {
        var named = model.NamedParameters().ToArray();
        if (named.Length == 0)
            throw new ArgumentException($"{model.GetType().Name} has no parameters to train.");
        (device, type) = (named[0].Parameter.Device, named[0].Parameter.DType);
        int step = Alignment / type.Size();
        segments = new ParameterSegment[named.Length];
        long offset = 0;
        for (int i = 0; i < named.Length; i++)
        {
            var (name, parameter) = named[i];
            if (parameter.Device != device || parameter.DType != type)
                throw new ArgumentException($"All parameters of an arena share device and type; '{name}' is {parameter}.");
            segments[i] = new(name, parameter, offset, parameter.Count);
            offset += (parameter.Count + step - 1) / step * step;
        }
        Count = offset;
        Weights = NewBuffer();
        Gradients = NewBuffer();
        weightView = new Storage(null, Weights.Address, 0);
        gradientView = new Storage(null, Gradients.Address, 0);
        foreach (var segment in segments)
        {
            Slice(Weights, segment).CopyFrom(segment.Parameter);
            segment.Parameter.Dispose();
            segment.Parameter.Rebind(weightView, segment.Offset * type.Size());
            segment.Parameter.BindGrad(gradientView, segment.Offset * type.Size());
        }
        Buffers = BufferArena.Gather(model);
        // The initial weights' own blocks: nothing of a step has their sizes.
        device.Trim();
    }

    /// <summary>One entry a parameter, in state-dictionary order.</summary>
    public IReadOnlyList<ParameterSegment> Segments => segments;

    /// <summary>Elements of the arena, with the padding.</summary>
    public long Count { get; }

    /// <summary>The weights proper, flat.</summary>
    public Tensor Weights { get; }

    /// <summary>The first gradient buffer, flat.</summary>
    public Tensor Gradients { get; }

    /// <summary>The model's running statistics and counters; none where it has none.</summary>
    public BufferArena? Buffers { get; }

    /// <summary>Another buffer of this layout, zero, owned by the arena.</summary>
    public Tensor NewBuffer()
    {
        var buffer = Tensor.Persistent([Shape.Extent(Count, "parameters of a model")], type, device).Fill(0);
        buffers.Add(buffer);
        return buffer;
    }

    /// <summary>Frees a buffer of <see cref="NewBuffer"/> before the arena goes; of one that is freed already nothing is left to
    /// do.</summary>
    public void Free(Tensor buffer)
    {
        if (buffers.Remove(buffer))
            buffer.Dispose();
    }

    /// <summary>The part of a buffer that belongs to a parameter, with the parameter's shape.</summary>
    public static Tensor Slice(Tensor buffer, ParameterSegment segment) => buffer.View(segment.Parameter.Shape, segment.Offset);

    /// <summary>Makes the parameters show the values of a buffer.</summary>
    public void ViewWeights(Tensor buffer) => weightView.Pointer = Require(buffer).Address;

    /// <summary>Makes the parameters' gradients lie in a buffer.</summary>
    /// <param name="buffer">Of this layout.</param>
    /// <param name="accumulate">Whether the next gradients are added to its content; else the content counts as cleared.</param>
    public void ViewGradients(Tensor buffer, bool accumulate = false)
    {
        gradientView.Pointer = Require(buffer).Address;
        foreach (var segment in segments)
            segment.Parameter.HasGrad = accumulate;
    }

    /// <summary>Where the gradients lie now and which of them have arrived.</summary>
    public GradientView GradientView
    {
        get => new(gradientView.Pointer, [.. Segments.Select(static s => s.Parameter.HasGrad)]);
        set
        {
            gradientView.Pointer = value.Address;
            for (int i = 0; i < Segments.Count; i++)
                Segments[i].Parameter.HasGrad = value.Arrived[i];
        }
    }

    /// <summary>Forgets all gradients: the next ones overwrite.</summary>
    public void ClearGradients()
    {
        foreach (var segment in segments)
            segment.Parameter.ClearGrad();
    }

    /// <summary>Zeroes, in the buffer the gradients lie in, the parts that no backward pass has reached (frozen or unused
    /// parameters).</summary>
    public void CompleteGradients()
    {
        for (int i = 0; i < Segments.Count; i++)
        {
            if (Segments[i].Parameter.HasGrad)
                continue;
            long first = Segments[i].Offset;
            while (i + 1 < Segments.Count && !Segments[i + 1].Parameter.HasGrad)
                i++;
            // Neighbours in one go; between them are zeros anyway.
            new Tensor(gradientView, first * type.Size(), [(int)(Segments[i].Offset + Segments[i].Count - first)], type, device).Fill(0);
        }
    }

    /// <summary>Frees the buffers; the model's parameters and its own buffers are gone with them.</summary>
    public void Dispose()
    {
        Buffers?.Values.Dispose();
        foreach (var buffer in buffers)
            buffer.Dispose();
        buffers.Clear();
    }

    internal Tensor Require(Tensor buffer) => buffer.Count == Count && buffer.DType == type && buffer.Device == device
        ? buffer
        : throw new ArgumentException($"{buffer} does not have the layout of an arena of {Count} {type} on {device}.");
}
