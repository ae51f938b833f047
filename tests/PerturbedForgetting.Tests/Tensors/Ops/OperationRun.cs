using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Catalogue;
using PerturbedForgetting.Tensors.Memory;

namespace PerturbedForgetting.Tests.Tensors.OpsTests;

/// <summary>A row of the catalogue at given shapes, with numbers that may be changed, run forward and backward in float32 on any
/// device.</summary>
sealed class OperationRun
{
    const ulong UpstreamSeed = 99;

    readonly Operation operation;
    readonly Shape[] shapes;
    readonly int leading;

    public OperationRun(Operation operation, Shape[] shapes)
    {
        (this.operation, this.shapes, leading) = (operation, shapes, operation.LeadingOf(shapes[0]));
        using var scope = Scope.Begin();
        Inputs = [.. shapes.Select(static (s, i) => Normal(s, (ulong)i).ToArray<float>())];
        Result = operation.Run([.. shapes.Select((s, i) => Tensor.From(Inputs[i], s, Device.Cpu))]).Shape;
        Upstream = Normal(Result, UpstreamSeed).ToArray<float>();
    }

    /// <summary>Standard normals.</summary>
    public float[][] Inputs { get; }

    /// <summary>The gradient of the result: standard normals.</summary>
    public float[] Upstream { get; }

    /// <summary>Shape of the result.</summary>
    public Shape Result { get; }

    /// <summary>The result, and the gradients of the inputs if there are any: of all, or of one.</summary>
    /// <param name="device">Where it runs.</param>
    /// <param name="wanted">The input whose gradient is wanted; none for all.</param>
    /// <param name="before">Elements that lie before those of each input in memory.</param>
    public float[][] On(Device device, int? wanted = null, int before = 0)
    {
        using var scope = Scope.Begin();
        bool hasGradients = operation.Gradient != GradientKind.None;
        Parameter[] inputs =
        [
            .. shapes.Select((s, i) =>
            {
                Tensor values = Placed(Inputs[i], s, device, before);
                var input = new Parameter(values) { IsTrainable = hasGradients && (wanted ?? i) == i };
                input.Rebind(values.Storage, sizeof(float) * before);
                return input;
            }),
        ];
        Tensor y = operation.Run(inputs);
        if (!hasGradients)
            return [Numbers(y)];
        y.Backward(Placed(Upstream, Result, device, before));
        float[][] results = [Numbers(y), .. inputs.Where(static p => p.IsTrainable).Select(static p => p.Grad!.ToArray<float>())];
        foreach (Parameter input in inputs)
            input.Grad?.Dispose();
        return results;
    }

    /// <summary>Shape of a result of <see cref="On"/>.</summary>
    public Shape ShapeOf(int result) => result == 0 ? Result : shapes[result - 1];

    /// <summary>How far two devices may differ in a result of <see cref="On"/>.</summary>
    public Tolerance Bound(int result) => result == 0
        ? operation.Forward(shapes)
        : operation.Backward[Math.Min(result - 1, operation.Backward.Length - 1)](shapes);

    /// <summary>A result of <see cref="On"/> in words.</summary>
    public string Words(int result) =>
        $"{(result == 0 ? "the result" : $"the gradient of input {result - 1}")} of {string.Join(", ", shapes)}";

    /// <summary>Where to put what is no number: first, middle and last element of whatever is numbered as the first input is.</summary>
    public IEnumerable<(float[] Values, Shape Shape, long At)> Places()
    {
        (float[] Values, Shape Shape)[] all = [.. Inputs.Select((v, i) => (v, shapes[i])), (Upstream, Result)];
        int given = operation.Gradient == GradientKind.None ? shapes.Length : all.Length;
        foreach ((float[] values, Shape shape) in all.Take(given).Where(v => IsNumbered(v.Shape)))
        {
            foreach (long at in new[] { 0, shape.Count / 2, shape.Count - 1 }.Distinct())
                yield return (values, shape, at);
        }
    }

    /// <summary>Whether what stands at one place may reach another, of the result or of a gradient.</summary>
    public bool Reaches(Shape from, long at, Shape to, long element)
    {
        bool isNear = !IsNumbered(to) || at / from.Product(leading, from.Rank) == element / to.Product(leading, to.Rank);
        bool isOfChannel = !operation.Channels || to.Rank == 0 || to[-1] != from[-1] || at % from[-1] == element % to[-1];
        return isNear && isOfChannel;
    }

    /// <summary>A tensor whose memory begins with elements of another.</summary>
    static Tensor Placed(float[] values, Shape shape, Device device, int before) =>
        Tensor.Empty([before + values.Length], DType.Float32, device).View(shape, before).CopyFrom<float>(values);

    /// <summary>Whether a tensor's leading dimensions are those of the first input which number what is independent.</summary>
    bool IsNumbered(Shape shape) => shape.Rank >= leading && shape.Take(leading).SequenceEqual(shapes[0].Take(leading));

    static Tensor Normal(Shape shape, ulong seed) => GradientCheck.Normal(shape, seed, device: Device.Cpu);

    static float[] Numbers(Tensor y) => y.DType switch
    {
        DType.Int32 => Array.ConvertAll(y.ToArray<int>(), static v => (float)v),
        DType.Float64 => Array.ConvertAll(y.ToArray<double>(), static v => (float)v),
        _ => y.ToArray<float>(),
    };
}
