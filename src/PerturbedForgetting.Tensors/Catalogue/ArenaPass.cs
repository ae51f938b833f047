using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Nn;

namespace PerturbedForgetting.Tensors.Catalogue;

/// <summary>What a pass over all weights works on: an arena of one parameter, and buffers beside it.</summary>
sealed class ArenaPass : IDisposable
{
    readonly ParameterArena arena;

    /// <param name="values">Of the weights, then of the buffers; all of one shape.</param>
    public ArenaPass(Tensor[] values)
    {
        arena = new ParameterArena(new OneParameter(values[0]));
        Layout = new MultiTensorLayout(arena);
        Control = new UpdateControl(values[0].Device);
        // Learning rate, whether to step, scale, steps: an update that is not skipped.
        Control.Values.CopyFrom<double>([0.1, 1, 1, 1, 0, 1]);
        Buffers = [.. values.Skip(1).Select(BufferOf)];
    }

    public MultiTensorLayout Layout { get; }

    public UpdateControl Control { get; }

    /// <summary>Flat buffers with the values of the inputs behind the first.</summary>
    public Tensor[] Buffers { get; }

    public Tensor Weights => arena.Weights;

    /// <summary>Zeros.</summary>
    public Tensor NewBuffer() => arena.NewBuffer();

    /// <summary>float64 numbers on the device.</summary>
    public Tensor Numbers(params double[] values) => Tensor.From(values, [values.Length], Weights.Device);

    /// <summary>Zeros of the arena's count, float64.</summary>
    public Tensor Sums() => Numbers(new double[arena.Count]);

    /// <summary>What stays of a pass: of a flat buffer what belongs to the parameter.</summary>
    public Tensor Results(Tensor[] made) =>
        Ops.Concat(0, [.. made.Select(t => t.DType == DType.Float64 ? t : ParameterArena.Slice(t, arena.Segments[0]))]);

    public void Dispose()
    {
        Control.Dispose();
        Layout.Dispose();
        arena.Dispose();
    }

    Tensor BufferOf(Tensor values)
    {
        Tensor buffer = NewBuffer();
        ParameterArena.Slice(buffer, arena.Segments[0]).CopyFrom(values);
        return buffer;
    }

    // The arena takes the parameter over.
    sealed class OneParameter : Module
    {
        public OneParameter(Tensor values) =>
            Register("weight", new Parameter(Tensor.Persistent(values.Shape, values.DType, values.Device).CopyFrom(values)));

        protected override Tensor Forward(Tensor x) => x;
    }
}
